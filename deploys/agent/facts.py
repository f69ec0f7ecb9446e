"""What Keepgate has to know of a host's agent, asked in one command.

Of a host without guarded sites nothing is asked but whether our agent is left there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from deploys.agent import password, places
from deploys.agent.config import guarded
from deploys.agent.settings import Source
from deploys.agent.steps import ASK
from deploys.agent.wanted import MANAGED
from deploys.agent.wheel import build
from deploys.agent.wheelhouse import Machine
from deploys.common import files
from deploys.common.batch import BatchFact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output
    from deploys.settings import Settings

_MACHINE: Final = (
    "python3 -I -c 'import os, platform, sys; print(*sys.version_info[:2],"
    ' platform.machine(), os.confstr("CS_GNU_LIBC_VERSION"))\''
)
# Only where something is to be installed is the index asked for.
_INDEX: Final = (
    "ls -d {opt}/{start}-py*/{complete} >/dev/null || timeout 8 python3 -I -c"
    " 'import urllib.request as web;"
    ' web.urlopen("https://pypi.org/simple/pyotp/", timeout=6)\''
)
_RUNNING: Final = (
    f'pid=$(systemctl show -P MainPID {places.UNIT}); test "$pid" != 0'
    " && tr '\\0' '\\n' <\"/proc/$pid/environ\" | sed -n 's/^KEEPGATE_AGENT=//p'"
    ' && readlink "/proc/$pid/exe"'
)
_HEALTHY: Final = (
    f"python3 -I - <<'EOF'\n{ASK}\nraise SystemExit(0 if healthy() else 1)\nEOF"
)
_CADDY: Final = (
    f"id -nG {places.CADDY} || exit 0; "
    f"pid=$(systemctl show -P MainPID {places.CADDY}.service); "
    'test "$pid" = 0 || sed -n "s/^Groups:/running/p" "/proc/$pid/status"'
)
# As its own account, so that nothing of root's is left beside the database.
_COUNT: Final = """\
import sqlite3, sys
base = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(base.execute("SELECT count(*) FROM users WHERE role = 'admin'").fetchone()[0])
"""
_ADMINS: Final = (
    f"test -e {places.DATABASE} && setpriv --reuid={places.USER}"
    f" --regid={places.USER} --clear-groups"
    f" python3 -I - {places.DATABASE} <<'EOF'\n{_COUNT}EOF"
)
_LEFT: Final = (
    f"grep -q 'Managed by Keepgate' {places.UNIT_FILE} &&"
    f" {{ systemctl is-active --quiet {places.UNIT} ||"
    f" systemctl is-enabled --quiet {places.UNIT}; }}"
)


@dataclass(frozen=True)
class AgentHost:
    """The agent of one host as observed.

    *releases* are the environments that are whole, *current* the one in use.
    *running* is what the process says it was started with; *outdated* that its Python
    was replaced since. *key* is mode and owner of the secret file, empty without
    one. *password* is the mail server's, *mail* whether the way there is open,
    *sealed* that somebody sees to the flags of the audit log. *caddy*
    is whether the web server is in the agent's group: by its account and by its
    process, None without one. *admins* is None where it is not known. *left* says
    that the agent is at work, or will be after a restart, though nobody needs it.
    """

    machine: Machine | None = None
    index: bool = False
    account: str = ""
    caddy: bool | None = None
    releases: frozenset[str] = frozenset()
    current: str = ""
    enabled: bool = False
    active: bool = False
    reload: bool = False
    running: str = ""
    outdated: bool = False
    healthy: bool = False
    key: str = ""
    password: password.Kept = field(default=password.Kept(), repr=False)
    mail: bool = False
    sealed: bool = False
    state: bool = False
    admins: int | None = None
    left: bool = False
    files: dict[str, files.Observed] = field(default_factory=dict)


class AgentFact(BatchFact[AgentHost]):
    """Observes the environments, the process, its account and its files."""

    _settings: Settings | None = None

    @override
    def command(self, settings: Settings | None = None) -> str:
        self._settings = settings
        return super().command()

    @override
    def sections(self) -> Mapping[str, str]:
        settings = self._settings
        if settings is None:
            return {}
        if not guarded(settings):
            return {"left": _LEFT}
        wheel = build()
        start = f"{wheel.version}-{wheel.digest}"
        index = _INDEX.format(opt=places.OPT, start=start, complete=places.COMPLETE)
        return {
            "machine": _MACHINE,
            "index": index if settings.agent.source is Source.AUTO else "false",
            "account": f"getent passwd {places.USER} && getent group {places.USER}",
            "caddy": _CADDY,
            "releases": f"ls -d {places.OPT}/*/{places.COMPLETE}",
            "current": f"readlink {places.CURRENT}",
            "unit": f"systemctl show -p ActiveState -p NeedDaemonReload {places.UNIT}",
            "enabled": f"systemctl is-enabled --quiet {places.UNIT}",
            "running": _RUNNING,
            "healthy": _HEALTHY,
            "secret": f"stat -c '%a %U:%G' {places.SECRET}",
            "password": password.TELL,
            "mail": f"systemctl is-active --quiet {places.MAIL_SOCKET}",
            "sealed": " && ".join(
                f"systemctl is-active --quiet {unit}" for unit in places.SEAL_WATCH
            ),
            "state": f"test -e {places.DATABASE}",
            "admins": _ADMINS,
            **files.sections(MANAGED),
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> AgentHost:
        if "machine" not in answers:
            return AgentHost(left="left" in answers and answers["left"].ok)
        unit = dict(line.split("=", 1) for line in answers["unit"].lines)
        running = (*answers["running"].lines, "", "")
        admins = answers["admins"]
        account, group = (*answers["account"].lines, "", "")[:2]
        return AgentHost(
            machine=_machine(answers["machine"].text),
            index=answers["index"].ok,
            account=_account(account),
            caddy=_caddy(answers["caddy"].lines, group),
            releases=frozenset(
                line.split("/")[-2] for line in answers["releases"].lines
            ),
            current=answers["current"].text.strip().rpartition("/")[2],
            enabled=answers["enabled"].ok,
            active=unit.get("ActiveState") == "active",
            reload=unit.get("NeedDaemonReload") == "yes",
            running=running[0],
            outdated=running[1].endswith(" (deleted)"),
            healthy=answers["healthy"].ok,
            key=answers["secret"].text.strip(),
            password=password.Kept.of(answers["password"].lines),
            mail=answers["mail"].ok,
            sealed=answers["sealed"].ok,
            state=answers["state"].ok,
            admins=int(admins.text) if admins.ok else None,
            files=files.observed(answers),
        )


def _machine(text: str) -> Machine | None:
    found = re.fullmatch(r"(\d+) (\d+) (\w+) glibc 2\.(\d+)\s*", text)
    if found is None:
        return None
    python = (int(found[1]), int(found[2]))
    return Machine(python, found[3], int(found[4]))


def _account(line: str) -> str:
    """Return home and shell of the account, as passwd(5) writes them."""
    return ":".join(line.split(":")[5:7])


def _caddy(lines: list[str], group: str) -> bool | None:
    """Whether the web server may reach the gate; None if there is none."""
    if not lines:
        return None
    number = group.split(":")[2] if group else ""
    processes = [line.split()[1:] for line in lines[1:]]
    return places.USER in lines[0].split() and all(
        number in groups for groups in processes
    )
