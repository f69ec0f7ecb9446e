"""Asking the agent of a host over an open connection, as root, by its own command."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from deploys.agent import places
from deploys.common import remote, shell
from deploys.common.errors import KeepgateError, NoAnswer, Unreachable
from keepgate.engine import agenthost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keepgate.engine.auditpins import Pin

PATIENCE: Final = 120.0
"""Seconds that the agent may take for one command; it may read all of a long log."""

_SLACK: Final = 60.0
"""Seconds for the way there and back, and for our own look at the log."""

_MOST: Final = 16 << 20
"""Bytes that a host may say."""

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_SSH_FAILED: Final = 255


@dataclass(frozen=True)
class Wire:
    """How ssh reaches the host: the configuration's file, and the name in it."""

    config: Path
    name: str


@dataclass(frozen=True)
class Reply:
    """What a host said: the agent's *status*, None if it did not end in time.

    *end* is where its audit log ends, and *wrong* what is wrong with that, empty if it
    goes on from what was pinned.
    """

    status: int | None
    out: str
    err: str
    end: dict[str, Any] | None
    wrong: str


def ask(wire: Wire, words: Sequence[str], pin: Pin | None) -> Reply:
    """Have the agent's command carry *words* out, and look at its audit log.

    Without words nothing is asked but the log.

    Raises:
        KeepgateError: there is no agent, or it does not run.
        NoAnswer: something else than our program answered.
        Unreachable: the connection broke.
    """
    question = {
        "unit": places.UNIT,
        "command": places.COMMAND,
        "config": places.CONFIG,
        "words": list(words),
        "seconds": PATIENCE,
        "pin": asdict(pin) if pin else None,
    }
    source = Path(agenthost.__file__).read_text(encoding="utf-8")
    body = f"{source}\n\nmain({json.dumps(question)!r})\n"
    text = remote.whole(f"python3 -I - <<'KEEPGATE_ASK'\n{body}KEEPGATE_ASK")
    answer = _answer(wire, _spoken(wire, text))
    if answer["state"] == "absent":
        message = "there is no agent on this host"
        fix = "put a site behind login in the inventory (`sites`), then `apply`"
        raise KeepgateError(message, fix)
    if answer["state"] == "down":
        message = "the agent does not run: every request to its sites is refused"
        fix = f"`systemctl status {places.UNIT}` on the host, and its journal, say why"
        raise KeepgateError(message, fix)
    log = answer["log"]
    return Reply(
        answer.get("status"),
        str(answer.get("out", "")),
        str(answer.get("err", "")),
        log["end"],
        str(log["wrong"]),
    )


def show_once(wire: Wire, words: Sequence[str]) -> tuple[int, str]:
    """Carry *words* out on a terminal of the host's; return status and text.

    For what the agent shows on a terminal only: the caller shows it on one, and keeps
    it nowhere. There is no terminal of ours in between that the host could steer.

    Raises:
        Unreachable: the connection broke.
    """
    command = shlex.join([places.COMMAND, *words])
    line = shell.as_root(f"PATH={remote.PATH}; export PATH; exec {command}")
    status, out, err = _ssh(wire, ("-tt",), line, b"")
    if status == _SSH_FAILED:
        raise _broken(err)
    return status, out.replace("\r\n", "\n")


def _spoken(wire: Wire, text: str) -> str:
    status, out, err = _ssh(wire, (), shell.ROOT_STDIN, text.encode())
    if status == _SSH_FAILED:
        raise _broken(err)
    if status != 0:
        message = f"the host could not be asked: {_last(err) or f'status {status}'}"
        raise NoAnswer(message, "log in by hand and look; python3 is needed there")
    return out


def _answer(wire: Wire, said: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(said)
        end = answer.get("log", {"end": None})["end"]
        fine = answer["state"] in {"absent", "down", "up"} and _is_place(end)
    except (ValueError, KeyError, TypeError, AttributeError):
        fine = False
    if not fine:
        message = f"{wire.name} gives no answer but the text {said[:80]!r}"
        raise NoAnswer(message, "log in by hand and look")
    return answer


def _is_place(end: dict[str, Any] | None) -> bool:
    if end is None:
        return True
    numbered = min(int(end["segment"]), int(end["seq"])) > 0
    return numbered and _HASH.fullmatch(end["hash"]) is not None


def _ssh(
    wire: Wire, flags: Sequence[str], command: str, given: bytes
) -> tuple[int, str, str]:
    """Run *command* on the host; return its status, and what it wrote."""
    ssh = shutil.which("ssh") or "ssh"
    with (
        subprocess.Popen(  # noqa: S603 - no shell here; the name is checked by Target
            [ssh, "-F", str(wire.config), *flags, wire.name, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
        ThreadPoolExecutor(2) as readers,
    ):
        late = threading.Timer(PATIENCE + _SLACK, process.kill)
        late.start()
        try:
            both = [
                readers.submit(_bounded, stream, process)
                for stream in (process.stdout, process.stderr)
            ]
            if process.stdin is not None:
                with suppress(BrokenPipeError), process.stdin as pipe:
                    pipe.write(given)  # it has ended? Its status tells
            out, err = (each.result() for each in both)
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            late.cancel()
    return process.returncode, out, err


def _bounded(stream: IO[bytes] | None, process: subprocess.Popen[bytes]) -> str:
    """Return what *stream* says; whoever says more than is possible is ended."""
    data = stream.read(_MOST) if stream else b""
    if len(data) == _MOST:
        process.kill()
    return data.decode("utf-8", "replace")


def _broken(err: str) -> Unreachable:
    message = f"the connection broke: {_last(err) or 'ssh says no more'}"
    return Unreachable(message, "run again")


def _last(err: str) -> str:
    lines = err.strip().splitlines()
    return lines[-1][:300] if lines else ""
