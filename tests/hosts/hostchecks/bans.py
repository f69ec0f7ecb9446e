"""fail2ban as it runs: what the server answers on its own socket.

One Python process asks for everything; `fail2ban-client` speaks the same
protocol but would cost a process per value.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hostchecks.batch import Section

_SERVER = r"""
import sys, time
from fail2ban.client.csocket import CSocket
socket = CSocket("/run/fail2ban/fail2ban.sock")
def ask(*words):
    status, answer = socket.send([str(word) for word in words])
    return answer if status == 0 else None
"""
_ASK = r"""
import json
names = dict(ask("status") or []).get("Jail list", "")
found = {"version": ask("version"), "dbfile": ask("get", "dbfile"), "jails": {}}
for jail in filter(None, (name.strip() for name in names.split(","))):
    one = {key: ask("get", jail, key) for key in (
        "maxretry", "findtime", "bantime", "ignoreip", "ignorecommand",
        "journalmatch", "logpath",
        "bantime.increment", "bantime.maxtime", "actions", "failregex")}
    one["ban"] = [ask("get", jail, "action", name, "actionban")
                  for name in one["actions"] or []]
    one["start"] = [ask("get", jail, "action", name, "actionstart")
                    for name in one["actions"] or []]
    one["ports"] = [ask("get", jail, "action", name, "port")
                    for name in one["actions"] or []]
    one["status"] = ask("status", jail)
    found["jails"][jail] = one
socket.close()
print(json.dumps(found, default=str))
"""

_UNTIL_BANNED = r"""
until = time.monotonic() + {seconds}
while {address!r} not in [str(one) for one in ask("get", {jail!r}, "banip") or ()]:
    if time.monotonic() > until:
        sys.exit(1)
    time.sleep(0.2)
"""
# The jail for those who come back reads of the ban a moment later, and bans anew.
_UNBAN = r"""
until = time.monotonic() + 2
while time.monotonic() < until:
    ask("unban", {address!r})
    time.sleep(0.25)
"""

SECTIONS = {
    "fail2ban": f"python3 -I - <<'EOF'\n{_SERVER}{_ASK}\nEOF\n",
    # How often our own address has failed lately, as a ban would count it.
    "own-failures": (
        'journalctl -q -o cat --since "-20 min" -t sshd -t sshd-session '
        '| grep -F -- "$client" | grep -cE "Failed|Invalid user|REFUSED"; true'
    ),
}


@dataclass(frozen=True)
class Jail:
    """One jail; times in seconds. *spares* is a command that spares an address.

    *ssh* says whether it counts failed logins by SSH, as far as its words tell.
    *logs* are the files it reads, *matches* the entries of the journal.
    """

    maxretry: int
    findtime: int
    bantime: int
    increment: bool
    ignored: tuple[str, ...]
    spares: str
    journal: bool
    actions: tuple[str, ...]
    commands: str
    banned: tuple[str, ...]
    ssh: bool
    logs: tuple[str, ...] = ()
    matches: tuple[tuple[str, ...], ...] = ()

    def ignores(self, address: str) -> bool:
        """Whether *address* is never banned."""
        ours = ip_address(address)
        return any(ours in network for network in self.networks())

    def networks(self) -> list[IPv4Network | IPv6Network]:
        """Return what is ignored, names left out."""
        found = []
        for text in self.ignored:
            with contextlib.suppress(ValueError):
                found.append(ip_network(text, strict=False))
        return found


@dataclass(frozen=True)
class Bans:
    """The running fail2ban server."""

    version: str
    database: str
    jails: dict[str, Jail]


def until_banned(jail: str, address: str, seconds: int) -> str:
    """Return sh text that ends with 0 once *jail* bans *address*, else with 1."""
    return _python(_UNTIL_BANNED.format(jail=jail, address=address, seconds=seconds))


def unban(address: str) -> str:
    """Return sh text that ends every ban of *address*, also one that follows."""
    return _python(_UNBAN.format(address=address))


def _python(text: str) -> str:
    return f"python3 -I - <<'EOF'\n{_SERVER}{text}\nEOF\n"


def parse(section: Section) -> Bans | None:
    """Return what the server answered; None when none is running."""
    if section.status != 0 or not section.text.strip():
        return None
    found = json.loads(section.text)
    jails = {name: _jail(one) for name, one in found["jails"].items()}
    return Bans(str(found["version"]), str(found["dbfile"] or ""), jails)


def _jail(one: dict[str, Any]) -> Jail:
    commands = [*one["ban"], *one["start"], *one["ports"]]
    status = dict(one["status"] or [])
    banned = dict(status.get("Actions") or []).get("Banned IP list") or []
    return Jail(
        int(one["maxretry"]),
        int(one["findtime"]),
        int(one["bantime"]),
        str(one["bantime.increment"]).lower() in ("true", "1", "yes"),
        tuple(str(item) for item in one["ignoreip"] or []),
        str(one["ignorecommand"] or ""),
        bool(one["journalmatch"]) and not one["logpath"],
        tuple(one["actions"] or []),
        "\n".join(str(text) for text in commands if text),
        tuple(str(item) for item in banned),
        "ssh" in repr([one[key] for key in ("journalmatch", "logpath", "failregex")]),
        tuple(str(item) for item in one["logpath"] or []),
        tuple(tuple(map(str, match)) for match in one["journalmatch"] or []),
    )
