"""What a host's dpkg and apt say, asked in one command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from deploys.common.batch import BatchFact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output

POLICY: Final = "/usr/sbin/policy-rc.d"
"""Asked by Debian's maintainer scripts whether a service may be started."""

# A name that apt takes for exactly this package: Debian Policy 5.6.1.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")
# Package managers that end by themselves, by program or by unit.
_PASSING: Final = re.compile(
    r"^unattended-upgr|apt\.systemd|/(?:apt-daily|unattended-upgrades|packagekit"
    r"|cloud-|keepgate-packages)[^/]*$"
)
_LOCKS: Final = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)


@dataclass(frozen=True)
class Package:
    """One package on the host; states as dpkg-query(1) abbreviates them."""

    desired: str
    status: str
    error: str
    version: str

    @property
    def installed(self) -> bool:
        """Whether it is unpacked and configured."""
        return self.status == "i"

    @property
    def held(self) -> bool:
        """Whether its state is not to be touched (apt-mark(8), hold)."""
        return self.desired == "h"


@dataclass(frozen=True)
class Holder:
    """A process that holds a lock of dpkg's or apt's."""

    pid: int
    program: str
    unit: str

    @property
    def passing(self) -> bool:
        """Whether it ends by itself, unlike one that may sit at a prompt."""
        return bool(_PASSING.search(self.program) or _PASSING.search(self.unit))


@dataclass(frozen=True)
class Packages:
    """What a host knows of the packages wanted.

    *candidates* holds the version that apt would install, by package; it is asked
    only while something is missing. *broken* are packages that dpkg left half
    done, *interrupted* says that it died in the middle. *age* is that of the
    package lists in seconds, None without lists. *room* holds free bytes and free
    inodes (None where the file system has no such limit) by mount point.
    """

    known: dict[str, Package]
    candidates: dict[str, str]
    broken: tuple[str, ...]
    interrupted: bool
    holders: tuple[Holder, ...]
    age: int | None
    room: dict[str, tuple[int, int | None]]
    leftover: bool


class PackagesFact(BatchFact[Packages]):
    """Observes the packages *names* and the state of dpkg and apt."""

    _names: tuple[str, ...]

    @override
    def command(self, names: tuple[str, ...] = ()) -> str:
        for name in names:
            if not _NAME.fullmatch(name):
                message = f"{name!r} is no name of a package"
                raise ValueError(message)
        self._names = names
        return super().command()

    @override
    def sections(self) -> Mapping[str, str]:
        names = " ".join(self._names)
        count = (
            "dpkg-query -W -f='${db:Status-Status}\\n' -- "
            f"{names} | grep -cx installed"
        )
        locks = " -o ".join(f"-lname '*{lock}'" for lock in _LOCKS)
        if not self._names:
            count = "echo 0"
            names = "keepgate-none"
        return {
            "known": "dpkg-query -W -f='${db:Status-Abbrev}|${Package}|${Version}\\n'"
            f" -- {names}",
            "candidates": f'[ "$({count})" = {len(self._names)} ]'
            f" || apt-cache policy -- {names}",
            "broken": "dpkg-query -W -f='${db:Status-Abbrev}|${Package}\\n'"
            " | grep -Ev '^.[nic] '",
            "interrupted": "ls -A /var/lib/dpkg/updates",
            "holders": f"find /proc/[0-9]*/fd -maxdepth 1 \\( {locks} \\)"
            " | cut -d/ -f3 | sort -u | while read -r pid; do"
            ' echo "$pid|$(cat "/proc/$pid/comm")|$(tail -n1 "/proc/$pid/cgroup")";'
            " done",
            "lists": "ls /var/lib/apt/lists | grep -q _Packages && date +%s"
            " && stat -c %Y /var/lib/apt/lists"
            " /var/lib/apt/periodic/update-success-stamp",
            "room": "df -B1 --output=target,avail,itotal,iavail"
            " -- /var/lib /var/cache /usr",
            "leftover": f"grep -qsF keepgate-policy {POLICY}"
            " && ! systemctl is-active --quiet keepgate-packages.service",
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> Packages:
        return Packages(
            known=dict(_package(line) for line in answers["known"].lines),
            candidates=_candidates(answers["candidates"].lines),
            broken=tuple(
                line.partition("|")[2].strip() for line in answers["broken"].lines
            ),
            interrupted=bool(answers["interrupted"].text.strip()),
            holders=tuple(_holder(line) for line in answers["holders"].lines),
            age=_age(answers["lists"].lines),
            room=_room(answers["room"].lines[1:]),
            leftover=answers["leftover"].ok,
        )


def _package(line: str) -> tuple[str, Package]:
    state, name, version = line.split("|")
    desired, status, error = (*f"{state:<3}",)[:3]
    return name, Package(desired, status, error.strip(), version)


def _candidates(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if line.endswith(":") and not line.startswith(" "):
            name = line[:-1]
        elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
            found[name] = line.removeprefix("  Candidate: ")
    return found


def _holder(line: str) -> Holder:
    pid, program, group = (*line.split("|"), "", "")[:3]
    return Holder(int(pid), program, group.rpartition(":")[2])


def _age(lines: list[str]) -> int | None:
    if not lines:
        return None
    now, *changed = (int(line) for line in lines)
    return now - max(changed) if changed else None


def _room(lines: list[str]) -> dict[str, tuple[int, int | None]]:
    room: dict[str, tuple[int, int | None]] = {}
    for line in lines:
        target, free, inodes, free_inodes = line.rsplit(maxsplit=3)
        limited = inodes.isdigit() and int(inodes) > 0
        room[target] = (int(free), int(free_inodes) if limited else None)
    return room
