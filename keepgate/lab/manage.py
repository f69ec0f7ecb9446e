"""Bringing hosts up and down.

Locks: `lab` guards the list of hosts and is held for moments; each host has one,
held while its disk is made and while it goes on or off. Whoever holds a host's
lock may take `lab`, never the other way round.
"""

from __future__ import annotations

import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from keepgate.lab import access, cache, image, network, outage, overlay, power
from keepgate.lab import host as hosts
from keepgate.lab.power import BACKENDS
from keepgate.lab.run import LabUsageError, require_root
from keepgate.lab.site import current
from keepgate.lab.sweep import sweep
from keepgate.lab.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site

_AT_ONCE = 4


def _silent(_text: str) -> None:
    """Tell nobody."""


def up(  # noqa: PLR0913 - the options of one command, all by keyword
    names: Sequence[str],
    *,
    release: str = "",
    variant: str = "",
    backend: str = "",
    source: str = "",
    disk: str = "",
    told: Callable[[str], None] = _silent,
) -> list[LabHost]:
    """Boot hosts that do not run yet, wait until SSH answers, return them all.

    With *source*, new hosts begin as that host's file system stands now; it must
    be stopped. *disk* ("64M") limits what a new host can write. *told* hears what
    takes long.

    Raises:
        LabUsageError: a name is taken by another kind of host, or the like;
            nothing was done.
        LabUnreachableError: one does not answer in time.
    """
    wanted = Wanted(tuple(names), release, variant, backend, source, disk)
    wanted.check()
    require_root("booting hosts")
    site = current()
    with site.locked():
        wanted.place(site, hosts.load(site))
        network.ensure(site)
        cache.ensure(site)
        access.ensure_key(site)
    with site.locked():
        known = hosts.load(site)
        placed = wanted.place(site, known)
        for host in placed:
            if host.name not in known:
                hosts.save(site, host)

    def bring(host: LabHost) -> LabHost:
        return _bring(site, host, known.get(source), disk, told)

    try:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lab-up") as pool:
            running = list(pool.map(bring, placed))
        many = f"{len(running)} hosts"
        told(f"waiting for SSH on {running[0].name if len(running) == 1 else many}")
        power.wait_for_ssh(running)
    finally:
        with site.locked():
            access.write_inventory(site, hosts.load(site).values())
    return running


def down(names: Sequence[str] = (), *, everything: bool = False) -> list[str]:
    """Take hosts away, with all they wrote; return their names.

    With *everything*, nothing of the lab is left but images, packages and keys:
    also what a crashed run left behind.

    Raises:
        LabUsageError: there is no host of such a name; none was taken away.
    """
    require_root("taking hosts down")
    site = current()
    known = hosts.load(site)
    chosen = list(known) if everything else list(dict.fromkeys(names))
    missing = [name for name in chosen if name not in known]
    if missing:
        message = f"there is no host {missing[0]}"
        raise LabUsageError(message, "see `keepgate lab list`")
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lab-down") as pool:
        list(pool.map(lambda name: _take_down(site, known[name]), chosen))
    with site.locked():
        if everything:
            cache.stop(site)
            sweep(site)
        else:
            overlay.prune(site)
        access.write_inventory(site, hosts.load(site).values())
    return chosen


def listing() -> list[LabHost]:
    """Return every host of the lab."""
    return list(hosts.load(current()).values())


def inventory() -> str:
    """Return the path of the inventory that `up` and `down` write."""
    return str(access.inventory(current()))


def _bring(
    site: Site,
    host: LabHost,
    source: LabHost | None,
    disk: str,
    told: Callable[[str], None],
) -> LabHost:
    """Have one host running; its disk is made first if it has none yet."""
    backend = BACKENDS[host.backend]
    base = image.ensure(site, host.release, kernel=backend.KERNEL, told=told)
    made = host.folder / "made"
    with site.locked(host.machine):
        host = hosts.load(site).get(host.name, host)
        outage.mend(host)
        if host.running:
            return host
        if not made.exists():
            backend.discard(site, host)
            shutil.rmtree(host.folder, ignore_errors=True)
            try:
                backend.prepare(site, host, base.path, source, disk)
                if source is None:
                    access.admit(site, host, secrets.token_urlsafe(12))
                backend.settle(site, host)
                with site.locked():
                    access.pin(site, host)
                made.touch()
            except BaseException:
                _remove(site, host)
                raise
        return power.boot(site, host)


def _take_down(site: Site, host: LabHost) -> None:
    with site.locked(host.machine):
        _remove(site, host)


def _remove(site: Site, host: LabHost) -> None:
    power.halt(site, host, clean=False)
    outage.mend(host)
    BACKENDS[host.backend].discard(site, host)
    shutil.rmtree(host.folder, ignore_errors=True)
    with site.locked():
        access.unpin(site, host)
        hosts.forget(site, host.name)
