"""The control group of a host: everything it runs, and the sure way to end it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site


def all_of(site: Site) -> Path:
    """Return the group that holds those of all hosts, as this machine sees it."""
    unified = Path("/sys/fs/cgroup/unified")
    base = unified if unified.is_dir() else Path("/sys/fs/cgroup")
    return base / site.cgroup


def of(site: Site, host: LabHost) -> Path:
    """Return the host's group."""
    return all_of(site) / host.machine


def alive(group: Path) -> bool:
    """Whether anything runs in *group* or below it."""
    with suppress(OSError):
        return "populated 1" in (group / "cgroup.events").read_text()
    return False


def kill(group: Path) -> None:
    """End all that runs in *group*, at once and without warning."""
    with suppress(OSError):
        (group / "cgroup.kill").write_text("1")


def remove(group: Path) -> None:
    """Remove *group* with those below it, innermost first.

    A group that was killed must not be used again: the kernel goes on killing
    what systemd starts in it (clone3(2), CLONE_INTO_CGROUP). Its last processes
    may take a moment to end, so this waits for them.
    """
    deadline = time.monotonic() + 10
    while group.is_dir() and time.monotonic() < deadline:
        below = sorted(group.rglob("*/"), key=lambda path: -len(path.parts))
        for path in [*below, group]:
            with suppress(OSError):
                path.rmdir()
        time.sleep(0.02)
