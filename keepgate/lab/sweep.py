"""Removing what no file knows of: the remains of runs that were killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.lab import groups, network, outage
from keepgate.lab.machine import RUN
from keepgate.lab.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab.site import Site

# Programs that the lab starts; others that name its folder are none of its business.
_PROGRAMS = {"systemd-nspawn", "qemu-system-x86_64", "mmdebstrap"}
_STARTERS = {"unshare", "sh", "perl"}


def sweep(site: Site) -> None:
    """End, unmount and delete all of this lab but images, packages and keys."""
    ours = network.ours(site)
    if ours:
        for group in _groups(site):
            groups.kill(group)
    _end_processes(site)
    _unmount(site)
    for pattern in ("hosts/*", "layers/*", "images/*.partial"):
        for path in site.folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    if ours:
        _clear_number(site)


def _clear_number(site: Site) -> None:
    """Remove what goes by the lab's number and not by its folder."""
    for group in _groups(site):
        groups.remove(group)
    with suppress(OSError):
        groups.all_of(site).rmdir()
    outage.mend_all(site)
    for path in RUN.glob(f"kg{site.number}-*"):
        path.unlink(missing_ok=True)
    network.remove(site)


def _groups(site: Site) -> list[Path]:
    parent = groups.all_of(site)
    return [path for path in parent.glob("*") if path.is_dir()]


def _end_processes(site: Site) -> None:
    deadline = time.monotonic() + 10
    while (found := list(_processes(site))) and time.monotonic() < deadline:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _processes(site: Site) -> Iterator[int]:
    """Yield what the lab started for a host or an image, and what runs in one."""
    places = tuple(f"{site.folder}/{part}/" for part in ("hosts", "images"))
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            root = f"{(entry / 'root').readlink()}/"
            words = (entry / "cmdline").read_text(errors="replace").split("\0")
            names = {Path(word).name for word in words}
            ours = Path(words[0]).name in _PROGRAMS | _STARTERS and names & _PROGRAMS
            named = any(place in word for word in words for place in places)
            if root.startswith(places) or (ours and named):
                yield int(entry.name)


def _unmount(site: Site) -> None:
    places = tuple(f"{site.folder}/{part}/" for part in ("hosts", "images"))
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    points = [_unescaped(line.split(" ")[1]) for line in mounts]
    for point in reversed([each for each in points if each.startswith(places)]):
        run("umount", "-l", point, check=False)


def _unescaped(text: str) -> str:
    """Return a path of /proc/mounts as it is: blanks are octal there."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
