"""What happens in a worker: one job, one host, one pyinfra state."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploys.common.errors import KeepgateError, Refused, RolledBack
from deploys.common.progress import listen
from deploys.confirm.phases import OBSERVERS
from deploys.edge import Target
from keepgate.engine import events, logs, meter, takeback, tasks
from keepgate.engine.listener import Emitter
from keepgate.inventory import send_at_once

if TYPE_CHECKING:
    from keepgate.engine.job import Job

send_at_once()
meter.install()


def work(job: Job, descriptor: int) -> int:
    """Do *job* and tell everything on *descriptor*; the last event is `Ended`.

    Returns the exit status of the worker process: 0 if that event was told.
    """
    _redirect(job.log)
    logging.disable(logging.CRITICAL)  # pyinfra's and paramiko's own words
    emitter = Emitter(descriptor)
    takeback.at_sigterm(emitter, lambda error: ended(error, emitter.changes))
    OBSERVERS.append(emitter.commit_phase)
    end_listening = listen(emitter)
    try:
        emitter.emit(_done(job, emitter))
    except BrokenPipeError:
        return 1  # nobody listens any more; the host's own timer takes over
    finally:
        end_listening()
        os.close(descriptor)
    return 0


def _done(job: Job, emitter: Emitter) -> events.Ended:
    try:
        target = Target.model_validate_json(job.target, strict=True)
        end = tasks.TASKS[job.mode](target, job.only, emitter)
    except KeepgateError as error:
        end = ended(error, emitter.changes)
    except BrokenPipeError:
        raise
    except takeback.EndedEarly:
        takeback.last_word(emitter, lambda error: ended(error, emitter.changes))
    except Exception as error:  # noqa: BLE001 - told, and kept in a log
        end = events.Ended(
            "failed",
            emitter.changes,
            f"unexpected {type(error).__name__}: {error}",
            f"please report it with {logs.crash(error)}",
        )
    return replace(end, facts={**end.facts, "memory": _memory()})


def ended(error: KeepgateError, changes: int) -> events.Ended:
    """Return the last event of a run that *error* ended."""
    message, fix, problems = error.message, error.fix, []
    if isinstance(error, Refused):
        problems = [events.Problem(r.code, r.message, r.fix) for r in error.refusals]
        if len(problems) > 1 and not changes:
            message = f"{len(problems)} things speak against touching the host"
            fix = ""
    report = list(error.report) if isinstance(error, RolledBack) else []
    return events.Ended(error.status, changes, message, fix, report, problems)


def _redirect(log: str) -> None:
    """Let what libraries print go to the file *log*: a new one, for the owner only."""
    if log != os.devnull:
        file = logs.fresh(Path(log))
        with file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)


def _memory() -> dict[str, int]:
    """Return this process's memory in kB: its own share, and all that it maps."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # not Linux
        return {}
    amounts = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {"pss_kb": amounts["Pss"], "rss_kb": amounts["Rss"]}
