"""Settings of this machine that a lab needs, and gives back.

What stood before is noted once for all labs of the machine; the last one to go
restores it.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Hosts' packets pass through; and each host's systemd takes six inotify instances
# of root's 128.
NEEDS = {"net/ipv4/ip_forward": 1, "fs/inotify/max_user_instances": 2048}

RUN = Path("/run/keepgate-lab")
_PROC = Path("/proc/sys")


def prepare(proc: Path = _PROC, run: Path = RUN) -> None:
    """Have each setting at what a lab needs or above."""
    with _noted(run) as before:
        for name, least in NEEDS.items():
            value = int((proc / name).read_text())
            if value < least:
                before.setdefault(name, value)
                (proc / name).write_text(str(least))


def restore(proc: Path = _PROC, run: Path = RUN) -> None:
    """Set back what `prepare` changed; the caller knows that no lab is left."""
    with _noted(run) as before:
        for name, value in before.items():
            (proc / name).write_text(str(value))
        before.clear()


@contextmanager
def _noted(run: Path) -> Iterator[dict[str, int]]:
    run.mkdir(mode=0o700, exist_ok=True)
    note = run / "before.json"
    with (run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before: dict[str, int] = {}
        with suppress(OSError, ValueError):
            before = json.loads(note.read_text())
        was = dict(before)
        yield before
        if before != was:
            staged = note.with_suffix(".new")
            staged.write_text(json.dumps(before))
            staged.rename(note)
