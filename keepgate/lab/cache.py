"""A local package cache for hosts, so that repeats are quick and comparable.

It is Debian's apt-cacher-ng, run by the lab on its bridge's address with a folder
of its own; the packaged service is not used.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.lab.run import LabError, run, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab.site import Site

PORT = 3142


def address(site: Site) -> str:
    """Return the cache's URL as hosts see it."""
    return f"http://{site.address4(1)}:{PORT}"


def ensure(site: Site) -> None:
    """Have the cache running; the bridge must be there.

    Raises:
        LabError: it does not answer within ten seconds.
    """
    folder = _folder(site)
    if _answers(site):
        if any(folder in words for _, words in _running(site)):
            return
        _end(site)  # it serves a lab that this one took the network over from
    Path(folder).mkdir(mode=0o700, exist_ok=True)
    arguments = [
        f"CacheDir={folder}",
        f"LogDir={folder}",
        f"BindAddress={site.address4(1)}",
        f"Port={PORT}",
        f"PidFile={folder}/pid",
        "ForeGround=1",
        "ExThreshold=30",
        "PassThroughPattern=.*",
        "VerboseLog=0",
        "ReportPage=",
        *(f"Proxy={proxy}" for proxy in _upstream()),
    ]
    process = spawn("apt-cacher-ng", *arguments)
    deadline = time.monotonic() + 10
    while not _answers(site):
        if process.poll() is not None or time.monotonic() > deadline:
            message = "the package cache does not start"
            raise LabError(message, f"see {folder}/apt-cacher.err")
        time.sleep(0.05)
    process.returncode = 0  # it outlives us; Popen would warn


def stop(site: Site) -> None:
    """Stop this lab's cache; its packages stay."""
    if any(_folder(site) in words for _, words in _running(site)):
        _end(site)


def _folder(site: Site) -> str:
    return str(site.folder / "cache")


def _running(site: Site) -> Iterator[tuple[int, str]]:
    """Yield the caches that listen on this lab's address, with their words."""
    mark = f"\0BindAddress={site.address4(1)}\0"
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_text(errors="replace")
            if mark in words and "apt-cacher-ng" in words.split("\0", 1)[0]:
                yield int(entry.name), words


def _end(site: Site) -> None:
    for pid, _ in list(_running(site)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(_running(site)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _upstream() -> list[str]:
    """Return the proxy that this machine's own apt needs, if any."""
    said = run("apt-config", "shell", "proxy", "Acquire::http::Proxy", check=False)
    found = said.stdout.strip().removeprefix("proxy=").strip("'\"")
    return [found] if found.startswith("http") else []


def _answers(site: Site) -> bool:
    try:
        with socket.create_connection((site.address4(1), PORT), timeout=1):
            return True
    except OSError:
        return False
