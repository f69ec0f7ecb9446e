"""What Keepgate has to know of a host's updates, asked in one command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from deploys.common import files
from deploys.common.batch import BatchFact
from deploys.updates.wanted import MANAGED, TIMERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output

# The candidates of all installed packages that are not held: a third of the time
# that `apt list --upgradable` takes, which shows the same ones. An index is called
# the same in the list of indexes, where its suite stands, and below each version;
# versions stand in falling order, `***` before the installed one (apt-cache(8)).
PENDING: Final = r"""{
  LC_ALL=C apt-cache policy
  dpkg-query -W -f='${db:Status-Want} ${binary:Package}\n' |
    sed -n -e '/^hold /d' -e 's/^[^ ]* //p' | LC_ALL=C xargs -r apt-cache policy --
} 2>/dev/null | awk '
  { index_name = $0; sub(/^ *-?[0-9]+ /, "", index_name) }
  /^[^ ]/ { package = $1; sub(/:.*/, "", package); versions = 0; next }
  $1 == "Installed:" { installed = $2 }
  $1 == "Candidate:" { candidate = $2 }
  /^  Version table:/ { versions = 1; newer = installed != candidate; next }
  !versions && $1 ~ /^-?[0-9]+$/ { listed = index_name }
  !versions && $1 == "release" && /[ ,]a=[^,]*-security(,|$)/ { secures[listed] = 1 }
  versions && ($1 == "***" || installed == "(none)") { newer = 0 }
  versions && /^ (   |\*\*\*) [^ ]/ { chosen = newer && $1 == candidate }
  versions && /^      / && chosen && index_name in secures { print package }
' | sort -u"""
"""Writes the packages with a security update that is not installed, held ones not."""

_LINE: Final = re.compile(r'(\S+) "(.*)";')


@dataclass(frozen=True)
class Apt:
    """What `apt-config dump` says; apt's keys know no case, so they are lower."""

    scalars: dict[str, str]
    lists: dict[str, tuple[str, ...]]

    @classmethod
    def parse(cls, lines: list[str]) -> Apt:
        """Return the configuration that *lines* dump."""
        scalars: dict[str, str] = {}
        lists: dict[str, tuple[str, ...]] = {}
        for line in lines:
            if (match := _LINE.fullmatch(line)) is None:
                continue
            key, value = match[1].lower(), match[2]
            if key.endswith("::"):
                lists[key[:-2]] = (*lists.get(key[:-2], ()), value)
            else:
                scalars[key] = value
        return cls(scalars, lists)


@dataclass(frozen=True)
class UpdatesHost:
    """Updates of one host as observed.

    *age* is that of the package lists in seconds, None without lists; *pending* are
    packages with a security update. *sleeping* are timers that do not wait or would
    not after a boot; *reload* says that systemd has not read its unit files.
    """

    system: str
    apt: Apt
    age: int | None
    pending: tuple[str, ...]
    held: tuple[str, ...]
    sleeping: tuple[str, ...]
    reload: bool
    mailer: bool
    files: dict[str, files.Observed]


class UpdatesFact(BatchFact[UpdatesHost]):
    """Observes apt's configuration and timers, and with *now* what is pending."""

    _now: bool

    @override
    def command(self, now: bool = True) -> str:
        self._now = now
        return super().command()

    @override
    def sections(self) -> Mapping[str, str]:
        timers = " ".join(TIMERS)
        return {
            "system": '. /etc/os-release; echo "$ID"',
            "apt": "apt-config dump",
            "lists": "ls /var/lib/apt/lists | grep -q _Packages && date +%s"
            " && stat -c %Y /var/lib/apt/lists"
            " /var/lib/apt/periodic/update-success-stamp",
            "pending": PENDING if self._now else "true",
            "held": "apt-mark showhold",
            "timers": f"systemctl show -p Id -p ActiveState -p UnitFileState {timers}",
            "reload": "systemctl show -P NeedDaemonReload apt-daily-upgrade.service "
            "keepgate-updates-failed.service",
            "mailer": "command -v sendmail",
            **files.sections(MANAGED),
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> UpdatesHost:
        return UpdatesHost(
            system=answers["system"].text.strip(),
            apt=Apt.parse(answers["apt"].lines),
            age=_age(answers["lists"].lines),
            pending=tuple(sorted(set(answers["pending"].lines))),
            held=tuple(answers["held"].lines),
            sleeping=_sleeping(answers["timers"].text),
            reload="yes" in answers["reload"].lines,
            mailer=answers["mailer"].ok,
            files=files.observed(answers),
        )


def _age(lines: list[str]) -> int | None:
    if len(lines) <= 1:
        return None
    now, *changed = (int(line) for line in lines)
    return now - max(changed)


def _sleeping(text: str) -> tuple[str, ...]:
    awake: set[str] = set()
    for block in text.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values.get("ActiveState") == "active" and (
            values.get("UnitFileState") == "enabled"
        ):
            awake.add(values.get("Id", ""))
    return tuple(timer for timer in TIMERS if timer not in awake)
