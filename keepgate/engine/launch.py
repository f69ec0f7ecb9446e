"""Starting the zygote: a fresh interpreter that warms up while its parent goes on.

That takes longer than all the parent does before it needs a worker, so a command
starts it ahead, before it imports anything itself. This module therefore imports
nothing but what Python brings along.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keepgate.engine import wire

_PROJECT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Zygote:
    """A running zygote and our end of the socket to it (see `keepgate.engine.zygote`).

    *ahead* says that it was started before there was a log to write to.
    """

    process: subprocess.Popen[bytes]
    control: socket.socket
    ahead: bool

    def kill(self) -> None:
        """End it at once, and what it may still be doing."""
        self.control.close()
        self.process.kill()
        self.process.wait()


_waiting: list[Zygote] = []


def ahead() -> Zygote | None:
    """Start a zygote for whoever calls `take`; it ends with us if nobody does.

    Touches no file, and raises nothing: whoever wants one starts one if there is none.
    """
    with suppress(OSError):
        zygote = _start(subprocess.DEVNULL, ahead=True)
        _waiting.append(zygote)
        atexit.register(_abandon)
        return zygote
    return None


def take(log: int) -> Zygote:
    """Return the zygote that was started ahead, or a new one.

    It writes what goes wrong to the file descriptor *log*.
    """
    while _waiting:
        zygote = _waiting.pop()
        try:
            wire.send(zygote.control, {"log": True}, log)
        except wire.ClosedError:
            zygote.kill()
        else:
            return zygote
    return fresh(log)


def fresh(log: int) -> Zygote:
    """Return a new zygote that writes what goes wrong to *log* from the beginning."""
    return _start(log, ahead=False)


def _start(output: int, *, ahead: bool) -> Zygote:
    ours, theirs = socket.socketpair()
    with theirs:
        # -P: nothing of the working directory is imported.
        program = [sys.executable, "-P", "-m", "keepgate.engine.zygote"]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*program, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(_PROJECT)},
            start_new_session=True,  # Ctrl-C is the parent's to hear
        )
    return Zygote(process, ours, ahead)


def _abandon() -> None:
    while _waiting:
        _waiting.pop().kill()
