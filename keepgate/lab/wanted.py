"""What `lab up` is asked for, and whether that makes sense."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keepgate.lab.host import LabHost
from keepgate.lab.image import RELEASES
from keepgate.lab.power import BACKENDS
from keepgate.lab.run import LabUsageError, tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keepgate.lab.site import Site

VARIANTS = ("cloud", "root-only")
DEMO, DEMO_SUFFIX, FIRST_SUFFIX, LAST_SUFFIX = "demo", 10, 20, 249

_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]|[a-z]")
_SIZE = re.compile(r"[1-9][0-9]{0,5}[MG]")
_COMMON_TOOLS = ("ip", "nft", "mmdebstrap", "apt-cacher-ng", "ssh-keygen", "umount")


@dataclass(frozen=True)
class Wanted:
    """A kind of host; "" means: as it is there already, or the usual."""

    names: tuple[str, ...]
    release: str = ""
    variant: str = ""
    backend: str = ""
    source: str = ""
    disk: str = ""

    def check(self) -> None:
        """Refuse what can be refused without looking at the lab.

        Raises:
            LabUsageError: with the remedy.
        """
        for name in self.names:
            if not _NAME.fullmatch(name):
                fix = "use lower-case letters, digits and dashes, a letter first"
                message = f"{name!r} is no host name"
                raise LabUsageError(message, fix)
        if len(set(self.names)) < len(self.names):
            message = "a name is given twice"
            raise LabUsageError(message, "name each host once")
        if self.backend == "vagrant":
            fix = "`vagrant up` with your own Vagrant, then inventories/vagrant.yml"
            message = "the lab has no backend vagrant yet"
            raise LabUsageError(message, fix)
        _one_of("backend", self.backend, tuple(BACKENDS))
        _one_of("release", self.release, RELEASES)
        _one_of("variant", self.variant, VARIANTS)
        if self.disk and not _SIZE.fullmatch(self.disk):
            message = f"{self.disk!r} is no size"
            raise LabUsageError(message, "use 64M or 2G, say")
        if self.disk and self.backend == "qemu":
            message = "the disk of a virtual machine is not limited"
            raise LabUsageError(message, "use --disk with the backend nspawn")
        for name in (*_COMMON_TOOLS, *BACKENDS[self.backend or "nspawn"].TOOLS):
            tool(name)

    def place(self, site: Site, known: Mapping[str, LabHost]) -> list[LabHost]:
        """Return the hosts of these names: those *known*, or new ones.

        Raises:
            LabUsageError: a name is taken by another kind of host, there is no
                such source, or no room.
        """
        source = known.get(self.source)
        if self.source and source is None:
            message = f"there is no host {self.source} to begin as"
            raise LabUsageError(message, "see `keepgate lab list`")
        taken = {host.suffix for host in known.values()}
        placed = []
        for name in self.names:
            host = known.get(name) or self._new(site, name, taken, source)
            self._fits(host)
            taken.add(host.suffix)
            placed.append(host)
        return placed

    def _new(
        self, site: Site, name: str, taken: set[int], source: LabHost | None
    ) -> LabHost:
        numbers = range(FIRST_SUFFIX, LAST_SUFFIX + 1)
        free = (suffix for suffix in numbers if suffix not in taken)
        suffix = DEMO_SUFFIX if name == DEMO else next(free, 0)
        if not suffix:
            message = "the lab's network is full"
            raise LabUsageError(message, "keepgate lab down --all")
        variant = source.variant if source else self.variant or "cloud"
        return LabHost(
            name=name,
            suffix=suffix,
            address4=site.address4(suffix),
            address6=site.address6(suffix),
            release=source.release if source else self.release or RELEASES[0],
            backend=source.backend if source else self.backend or "nspawn",
            variant=variant,
            login="root" if variant == "root-only" else "debian",
            key=site.key,
            folder=site.folder / "hosts" / name,
        )

    def _fits(self, host: LabHost) -> None:
        for what in ("release", "variant", "backend"):
            asked, has = getattr(self, what), getattr(host, what)
            if asked and asked != has:
                message = f"{host.name} has {what} {has}, not {asked}"
                fix = f"choose another name, or `keepgate lab down {host.name}` first"
                raise LabUsageError(message, fix)


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value and value not in known:
        message = f"there is no {what} {value}"
        raise LabUsageError(message, f"use {' or '.join(known)}")
