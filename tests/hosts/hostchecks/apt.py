"""Updates: apt's effective configuration, its timers, and what is pending."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hostchecks.batch import Section

SECTIONS = {
    "apt-config": "apt-config dump",
    "unattended-installed": (
        "dpkg-query -W -f '${db:Status-Status}' unattended-upgrades"
    ),
    "dpkg-audit": "dpkg --audit 2>&1",
    "held": "apt-mark showhold",
    "trusted-sources": (
        "grep -rniE 'trusted[=:] *yes|allow-insecure[=:] *yes' "
        "/etc/apt/sources.list /etc/apt/sources.list.d; true"
    ),
    "reboot-required": "cat /run/reboot-required.pkgs /run/reboot-required; true",
    "lists-age": (
        "now=$(date +%s); newest=$(stat -c %Y /var/lib/apt/lists "
        "/var/lib/apt/periodic/update-success-stamp | sort -n | tail -n1); "
        "echo $((now - newest))"
    ),
    "pending": (
        "apt-get -s -q -o Debug::NoLocking=1 --no-install-recommends dist-upgrade "
        "| grep '^Inst '; true"
    ),
    "upgrade-unit": "systemctl cat apt-daily-upgrade.service; true",
}

_LINE = re.compile(r'^(\S+) "(.*)";$')


@dataclass(frozen=True)
class Apt:
    """What `apt-config dump` says; keys are case-insensitive as in apt."""

    scalars: dict[str, str]
    lists: dict[str, tuple[str, ...]]

    def value(self, key: str) -> str | None:
        """Return the value of *key*, or None."""
        return self.scalars.get(key.lower())

    def items(self, key: str) -> tuple[str, ...]:
        """Return the list *key*."""
        return self.lists.get(key.lower(), ())

    def is_true(self, key: str) -> bool:
        """Whether *key* is set to something that apt takes for true."""
        return (self.value(key) or "").lower() in ("true", "1", "yes", "on", "always")


def parse(section: Section) -> Apt:
    """Return apt's configuration."""
    scalars: dict[str, str] = {}
    lists: dict[str, list[str]] = defaultdict(list)
    for line in section.lines:
        if match := _LINE.match(line):
            key, value = match[1].lower(), match[2]
            if key.endswith("::"):
                lists[key[:-2]].append(value)
            else:
                scalars[key] = value
    return Apt(scalars, {key: tuple(items) for key, items in lists.items()})


def security(pending: Section) -> list[str]:
    """Return the packages with a security update that is not installed."""
    return [
        line.split()[1]
        for line in pending.lines
        if re.search(r"security", line.partition("(")[2], re.IGNORECASE)
    ]


def every(answers: Mapping[str, Section]) -> list[str]:
    """Return all packages that an upgrade would install."""
    return [line.split()[1] for line in answers["pending"].lines]
