"""The agent before guarded sites: its process, its sockets, its files, its log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostchecks.system import stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hostchecks.batch import Section
    from hostchecks.system import Stat

UNIT = "auth-agent.service"
CURRENT = "/opt/auth-agent/current"
GATE = "/run/auth-agent/gate/agent.sock"
CONTROL = "/run/auth-agent/control.sock"
SECRET = "/etc/auth-agent/secret"  # noqa: S105 - a file's name
CONFIG = "/etc/auth-agent/auth-agent.toml"
STATE = "/var/lib/auth-agent"
MAIL = "/run/auth-agent-mail.sock"
PASSWORD = "/etc/auth-agent/mail-password"  # noqa: S105 - a file's name

_PATHS = (
    *("/run/auth-agent", "/run/auth-agent/gate", GATE, CONTROL, SECRET, CONFIG),
    *(STATE, f"{STATE}/audit", f"{STATE}/agent.db", MAIL, PASSWORD),
)
# Nothing is looked for on a host that has no agent.
_THERE = f"[ -e {CURRENT} ] || exit 1; "
_LOADED = (
    f"pid=$(systemctl show -P MainPID {UNIT}); "
    "grep -o '/opt/auth-agent/[^/]*' /proc/$pid/maps | sort -u"
)

# chattr(1) need not be there; a line for each segment: its name, age in days, its flag.
_FLAGS = """\
python3 -I - <<'FLAGS'
import fcntl, os, struct, time
size = struct.calcsize("l")
ask = 2 << 30 | size << 16 | ord("f") << 8 | 1  # FS_IOC_GETFLAGS
for one in os.scandir("/var/lib/auth-agent/audit"):
    if one.name.endswith(".jsonl"):
        file = os.open(one.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        age = int((time.time() - os.fstat(file).st_mtime) / 86400)
        try:
            flags = struct.unpack("l", fcntl.ioctl(file, ask, bytes(size)))[0]
            print(one.name, age, "append-only" if flags & 0x20 else "open")
        except OSError:
            print(one.name, age, "unknown")
FLAGS"""

SECTIONS = {
    "login-flags": _FLAGS,
    "login-active": _THERE + f"systemctl is-active {UNIT}",
    "login-enabled": _THERE + f"systemctl is-enabled {UNIT}",
    "login-score": _THERE + f"systemd-analyze security --no-pager {UNIT}",
    "login-files": f"stat -c '%a|%U|%G|%F|%n' -- {' '.join(_PATHS)}",
    "login-current": f"readlink -f {CURRENT}",
    "login-loaded": _THERE + _LOADED,
    "login-foreign": _THERE
    + "find /opt/auth-agent ! -type l '(' ! -user root -o -perm /0022 ')' | head -n 5",
    "login-group": "getent group auth-agent",
    "login-account": "getent passwd auth-agent",
    "login-status": _THERE + f"{CURRENT}/bin/auth-agent status --json",
    "login-chain": _THERE + f"{CURRENT}/bin/auth-agent audit verify --json",
}


@dataclass(frozen=True)
class Segment:
    """A file of the audit log; *flag* is `append-only`, `open` or `unknown`."""

    name: str
    days: int
    flag: str


@dataclass(frozen=True)
class Login:
    """The agent of a host; *score* is systemd's, 10 where there is none.

    *loaded* are the environments that its process has files of. *faults* is what its
    audit log has against it; None where it does not tell.
    """

    active: bool
    enabled: bool
    healthy: bool
    score: float
    current: str
    loaded: frozenset[str]
    files: Mapping[str, Stat]
    foreign: tuple[str, ...]
    members: frozenset[str]
    shell: str
    faults: tuple[str, ...] | None
    segments: tuple[Segment, ...]


def parse(answers: Mapping[str, Section]) -> Login:
    """Return the agent that *answers* tell of."""
    found = re.search(
        r"Overall exposure level for \S+: (\d+\.\d+)", answers["login-score"].text
    )
    members = answers["login-group"].text.strip().rpartition(":")[2]
    status, chain = _told(answers["login-status"]), _told(answers["login-chain"])
    faults = chain.get("faults")
    return Login(
        active=answers["login-active"].lines == ["active"],
        enabled=answers["login-enabled"].lines == ["enabled"],
        healthy=status.get("healthy") is True,
        score=float(found[1]) if found else 10.0,
        current=answers["login-current"].text.strip(),
        loaded=frozenset(answers["login-loaded"].lines) - {CURRENT},
        files=stats(answers["login-files"].lines),
        foreign=tuple(answers["login-foreign"].lines),
        members=frozenset(filter(None, members.split(","))),
        shell=answers["login-account"].text.strip().rpartition(":")[2],
        segments=tuple(
            Segment(name, int(days), flag)
            for name, days, flag in map(str.split, answers["login-flags"].lines)
        ),
        faults=tuple(map(str, faults)) if isinstance(faults, list) else None,
    )


def _told(section: Section) -> dict[str, object]:
    try:
        told = json.loads(section.text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
