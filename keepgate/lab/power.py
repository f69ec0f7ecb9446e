"""Hosts on and off, and commands in them, whatever holds them."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from keepgate.lab import groups, network, nspawn, qemu
from keepgate.lab import host as hosts
from keepgate.lab.run import LabError, LabUnreachableError
from keepgate.lab.site import current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site


class Backend(Protocol):
    """What a kind of host can do; each is a module of this package."""

    TOOLS: tuple[str, ...]
    KERNEL: bool
    SECONDS: float
    COMMAND_SECONDS: float

    def prepare(
        self, site: Site, host: LabHost, base: Path, source: LabHost | None, disk: str
    ) -> None:
        """Make the host's disk and have it mounted at its root."""

    def settle(self, site: Site, host: LabHost) -> None:
        """Write into the mounted root who the host is."""

    def boot(self, site: Site, host: LabHost) -> int:
        """Start it from its disk; return the process that holds it."""

    def shut_down(self, host: LabHost) -> None:
        """Ask it to end in good order."""

    def execute(
        self, host: LabHost, script: str, *, timeout: float
    ) -> tuple[int, str, str]:
        """Run sh text inside as root; return status, output and errors."""

    def discard(self, _site: Site, host: LabHost, /) -> None:
        """Unmount what the disk has mounted."""


BACKENDS: dict[str, Backend] = {"nspawn": nspawn, "qemu": qemu}


def boot(site: Site, host: LabHost) -> LabHost:
    """Start the host from its disk, alone: what a crashed run left of it is ended."""
    group = groups.of(site, host)
    if group.is_dir():
        groups.kill(group)
        groups.remove(group)
    booted = replace(host, pid=BACKENDS[host.backend].boot(site, host))
    hosts.save(site, booted)
    return booted


def halt(site: Site, host: LabHost, *, clean: bool) -> None:
    """End the host: in good order, or as a power cut would.

    Raises:
        LabError: it is still alive after 20 seconds.
    """
    backend = BACKENDS[host.backend]
    group = groups.of(site, host)
    if clean and host.running:
        backend.shut_down(host)
        _gone(host, seconds=backend.SECONDS / 4)
    ours = network.ours(site)
    if ours:
        groups.kill(group)
    if host.running:
        with suppress(ProcessLookupError):
            os.kill(host.pid, signal.SIGKILL)
    if not _gone(host, seconds=10):
        message = f"{host.name} does not stop"
        raise LabError(message, f"end process {host.pid}")
    if ours:
        groups.remove(group)


def stop(host: LabHost, *, clean: bool = True) -> LabHost:
    """Power a host off (or cut its power) and keep its disk."""
    site = current()
    with site.locked(host.machine):
        halt(site, host, clean=clean)
        stopped = replace(host, pid=0)
        hosts.save(site, stopped)
    return stopped


def start(host: LabHost, *, wait: bool = True) -> LabHost:
    """Boot a stopped host again from its own disk; a running one is left alone."""
    site = current()
    with site.locked(host.machine):
        with site.locked():
            network.ensure(site)
        now = hosts.load(site).get(host.name, host)
        booted = now if now.running else boot(site, now)
    if wait:
        wait_for_ssh([booted])
    return booted


def execute(
    host: LabHost, script: str, *, timeout: float = 0, check: bool = True
) -> str:
    """Run sh text inside the host as root, without SSH, and return its output.

    Without *timeout* (seconds) the limit is that of the host's backend.

    Raises:
        LabError: it failed (unless *check* is off), or the host is not running.
    """
    backend = BACKENDS[host.backend]
    status, output, errors = backend.execute(
        host, script, timeout=timeout or backend.COMMAND_SECONDS
    )
    if check and status:
        said = " / ".join((errors or output).strip().splitlines()[-3:])
        message = f"a command on {host.name} ended with {status}: {said}"
        raise LabError(message)
    return output


def wait_for_ssh(wanted: Sequence[LabHost], seconds: float = 0) -> None:
    """Return once every host's SSH server has sent its banner.

    Without *seconds* the limit is that of the hosts' backend.

    Raises:
        LabUnreachableError: one has not in time.
        LabError: one ended instead.
    """
    began = time.monotonic()
    for host in wanted:
        limit = seconds or BACKENDS[host.backend].SECONDS
        while not _banner(host):
            if not host.running:
                message = f"{host.name} ended while booting"
                raise LabError(message, f"see {host.console}")
            if time.monotonic() - began > limit:
                message = f"{host.name} does not answer on port {host.port}"
                fix = f"after {limit:.0f} s; see {host.console}"
                raise LabUnreachableError(message, fix)
            time.sleep(0.05)


def _banner(host: LabHost) -> bool:
    try:
        with socket.create_connection((host.address4, host.port), timeout=1) as found:
            found.settimeout(2)
            return found.recv(4) == b"SSH-"
    except OSError:
        return False


def _gone(host: LabHost, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while host.pid:
        with suppress(OSError):  # it may be our own child, or somebody else's
            os.waitpid(host.pid, os.WNOHANG)
        if not host.running:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
