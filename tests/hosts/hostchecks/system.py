"""What kind of host this is, and what its units and files say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hostchecks.batch import Section

_UNITS = (
    "ssh.service ssh.socket fail2ban.service unattended-upgrades.service "
    "apt-daily.timer apt-daily-upgrade.timer apt-daily-upgrade.service "
    "nftables.service ufw.service firewalld.service keepgate-firewall.service"
)
_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,ActiveEnterTimestamp,"
    "ExecReload,ExecStart,OnFailure,DropInPaths,Before,After,WantedBy,"
    "Restart"
)

SECTIONS = {
    "release": '. /etc/os-release; echo "$PRETTY_NAME"',
    "kernel": "uname -sr",
    "virtualisation": "systemd-detect-virt",
    "openssh": "ssh -V 2>&1",
    "systemd": "systemctl --version | head -n1",
    "client": 'echo "$client"',
    "units": f"systemctl show --timestamp=unix --property={_PROPERTIES} -- {_UNITS}",
    "enabled": "systemctl list-unit-files --state=enabled --no-legend --plain",
    "now": "date +%s",
}


@dataclass(frozen=True)
class Stat:
    """Owner, group, mode (octal text) and kind of one path."""

    path: str
    mode: int
    user: str
    group: str
    kind: str

    @property
    def others_may_write(self) -> bool:
        """Whether group or others may write."""
        return bool(self.mode & 0o022)

    @override
    def __str__(self) -> str:
        return f"{self.path} {self.user}:{self.group} {self.mode:04o}"


STAT = "stat -L -c '%a|%U|%G|%F|%n' --"
"""The command whose lines `stats` reads; paths follow it."""


def stats(lines: Iterable[str]) -> dict[str, Stat]:
    """Return what `STAT` answered, by path."""
    found: dict[str, Stat] = {}
    for line in lines:
        mode, user, group, kind, path = line.split("|", 4)
        found[path] = Stat(path, int(mode, 8), user, group, kind)
    return found


def units(section: Section) -> dict[str, dict[str, str]]:
    """Return the properties of every unit asked for, by unit name."""
    blocks = section.text.strip().split("\n\n")
    parsed = (_properties(block) for block in blocks)
    return {unit["Id"]: unit for unit in parsed if "Id" in unit}


def _properties(block: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)


def facts(answers: Mapping[str, Section]) -> dict[str, str]:
    """Return what the report says of the host, in the order of the report."""
    openssh = answers["openssh"].text.partition(",")[0].strip()
    return {
        "release": answers["release"].text.strip(),
        "kernel": answers["kernel"].text.strip(),
        "runs on": _virtualisation(answers["virtualisation"].text.strip()),
        "OpenSSH": openssh.removeprefix("OpenSSH_"),
        "systemd": answers["systemd"].text.strip().removeprefix("systemd "),
    }


def _virtualisation(name: str) -> str:
    return {
        "systemd-nspawn": "container (systemd-nspawn)",
        "none": "bare metal",
    }.get(name, name or "unknown")


def started(unit: Mapping[str, str]) -> int:
    """Return when the service last read its files: start or reload, in Unix time."""
    entered = int(unit["ActiveEnterTimestamp"].lstrip("@") or 0)
    reloads = re.findall(r"start_time=\[@?(\d+)", unit.get("ExecReload", ""))
    return max([entered, *map(int, reloads)])
