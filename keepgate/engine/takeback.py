"""Ending a run in good order: what has begun on the host is taken back first."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

import gevent

from deploys.common.errors import KeepgateError, RolledBack
from deploys.confirm.phases import Phase
from keepgate.engine import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from keepgate.engine.listener import Emitter

PATIENCE: Final = 12.0
"""Seconds for a rollback to be started and to end; less than `pool.GRACE`."""

_ANSWERING: Final = 5.0


class EndedEarly(BaseException):
    """Thrown into a commit: undo it at once and end."""


def at_sigterm(
    emitter: Emitter, ended: Callable[[KeepgateError], events.Ended]
) -> None:
    """On SIGTERM take an undecided commit back, tell, and end this process.

    SIGINT is the parent's to hear; it sends us SIGTERM.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gevent.signal_handler(signal.SIGTERM, _take_back, emitter, ended)


def _take_back(
    emitter: Emitter, ended: Callable[[KeepgateError], events.Ended]
) -> None:
    # Whatever happens from here, the host's own timer undoes what is armed.
    with suppress(Exception):
        _settle(emitter)
    last_word(emitter, ended)


def _settle(emitter: Emitter) -> None:
    """Return once the commit that is going on, if any, is decided."""
    carrying = emitter.committing
    if carrying is None or not emitter.undecided:
        return
    with suppress(OSError):
        emitter.notice(
            f"interrupted: taking the {emitter.topic} commit back", "warning"
        )
    # A confirmation that is on its way has its answer soon: let it say which.
    until = time.monotonic() + _ANSWERING
    while emitter.step is Phase.CONFIRM and time.monotonic() < until:
        gevent.sleep(0.02)
    if emitter.undecided and emitter.step is not Phase.ROLL_BACK:
        carrying.kill(EndedEarly, block=False)
    carrying.join(PATIENCE)


def last_word(
    emitter: Emitter, ended: Callable[[KeepgateError], events.Ended]
) -> NoReturn:
    """Tell that the run was interrupted, and what became of it; end the process."""
    if isinstance(emitter.error, RolledBack):
        word = ended(emitter.error)
    else:
        fix = "run again; the next run goes on from what it finds"
        if emitter.undecided:
            fix = (
                f"the {emitter.topic} commit is undone by the host, at the latest when"
                " its timer fires (`confirm.timeout`); look with `keepgate status`"
            )
        elif emitter.step is Phase.DONE:
            fix = f"{emitter.topic} was confirmed; {fix}"
        word = events.Ended("failed", emitter.changes, "interrupted", fix)
    with suppress(OSError):
        emitter.emit(word)
    os._exit(1)
