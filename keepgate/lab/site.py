"""Where one lab lives: its folder, its bridge, its networks."""

from __future__ import annotations

import fcntl
import hashlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.inventory.home import PROJECT, home
from keepgate.lab.run import LabUsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEFAULT_NUMBER = 77
_NUMBERS = 150


@dataclass(frozen=True)
class Site:
    """One lab. Labs of different state folders do not touch each other.

    Addresses are from the benchmark range (RFC 2544) and a unique local prefix
    (RFC 4193): they collide with nobody's network.
    """

    folder: Path
    number: int

    @property
    def bridge(self) -> str:
        """Name of the bridge that hosts hang on."""
        return "kglab0" if self.number == _DEFAULT_NUMBER else f"kglab{self.number}"

    @property
    def table(self) -> str:
        """Name of the nft table that lets hosts out."""
        return f"keepgate_lab_{self.number}"

    @property
    def attacker(self) -> str:
        """Name of the network namespace that plays the attacker."""
        return f"kgattack{self.number}"

    @property
    def network4(self) -> IPv4Network:
        """IPv4 network of the bridge."""
        return IPv4Network(f"198.18.{self.number}.0/24")

    @property
    def network6(self) -> IPv6Network:
        """IPv6 network of the bridge."""
        return IPv6Network(f"fd6b:6567:6c61:{self.number:x}::/64")

    @property
    def cgroup(self) -> str:
        """Name of the control group that hosts run in."""
        return f"keepgate-lab-{self.number}"

    @property
    def key(self) -> Path:
        """The operator's private key for hosts of this lab."""
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Pinned keys of this lab's hosts."""
        return self.folder / "known_hosts"

    def address4(self, suffix: int) -> str:
        """Return the IPv4 address that ends in *suffix*."""
        return str(self.network4[suffix])

    def address6(self, suffix: int) -> str:
        """Return the IPv6 address that ends in *suffix* (read as decimal digits)."""
        return str(self.network6[int(str(suffix), 16)])

    @contextmanager
    def locked(self, name: str = "lab") -> Iterator[None]:
        """Hold the lab's lock *name*; concurrent commands take turns."""
        folder = self.folder / "locks"
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def current() -> Site:
    """Return the lab of this state folder, its folder made.

    The project's own state folder has the well-known networks; any other gets
    numbers derived from its path, or the next ones that no other lab uses, and
    keeps them.

    Raises:
        LabUsageError: the lab is another user's.
    """
    folder = home() / "lab"
    try:
        for part in (folder, folder / "images", folder / "hosts"):
            part.mkdir(mode=0o700, exist_ok=True)
    except PermissionError as error:
        message = f"the lab in {folder} is another user's"
        raise LabUsageError(message, "run the same command with sudo -E") from error
    if home() == PROJECT / ".keepgate":
        return Site(folder, _DEFAULT_NUMBER)
    noted = folder / "number"
    try:
        return Site(folder, int(noted.read_text()))
    except (OSError, ValueError):
        number = derive(folder, _owners())
        noted.write_text(f"{number}\n")
        return Site(folder, number)


def derive(folder: Path, owners: Mapping[int, str]) -> int:
    """Return the number for the lab in *folder*, given who owns which number."""
    first = hashlib.sha256(str(folder).encode()).digest()[0] % _NUMBERS
    tried = (100 + (first + step) % _NUMBERS for step in range(_NUMBERS))
    free = (each for each in tried if owners.get(each, "") in ("", str(folder)))
    return next(free, 100 + first)


def _owners() -> dict[int, str]:
    """Return the folder that each lab's bridge on this machine belongs to."""
    found = {}
    for alias in Path("/sys/class/net").glob("kglab*/ifalias"):
        number = alias.parent.name.removeprefix("kglab")
        with suppress(OSError, ValueError):
            found[int(number)] = alias.read_text().strip()
    return found
