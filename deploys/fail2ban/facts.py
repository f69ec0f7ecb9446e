"""What Keepgate has to know of a host's fail2ban, asked in one command."""

from __future__ import annotations

import ipaddress
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from deploys.common import files
from deploys.common.batch import BatchFact
from deploys.common.templates import render
from deploys.fail2ban.truce import NOTE
from deploys.fail2ban.wanted import MANAGED, RECORD, TABLE, digest, networks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output

ASK: Final = render("fail2ban/ask.py.j2", table=TABLE).decode()
"""Python that defines `look()`: everything that server and packet filter say."""

_FAMILIES: Final = 2  # a rule that drops for IPv4, one for IPv6


@dataclass(frozen=True)
class Server:
    """The running server.

    *jails* holds, by jail, what it says of our keywords; *unenforced* the bans that
    the packet filter lacks, and those it has without the server knowing; *chains*
    the jails whose chain drops what is banned. *watching* are those that count failed
    logins by SSH.
    """

    values: dict[str, Any]
    jails: dict[str, dict[str, Any]]
    unenforced: tuple[str, ...]
    chains: frozenset[str]
    watching: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Fail2banHost:
    """fail2ban of one host as observed; *server* is None while none answers.

    *loaded* says whether the server has read the files as they are; *reload* whether
    systemd has not read its unit files. *client* is the address at which the host sees
    us, empty if it does not say.
    """

    installed: bool
    enabled: bool
    server: Server | None
    loaded: bool
    reload: bool
    files: dict[str, files.Observed]
    client: str = ""


class Fail2banFact(BatchFact[Fail2banHost]):
    """Observes the server, its unit, the packet filter and the managed files."""

    @override
    def sections(self) -> Mapping[str, str]:
        program = f"{ASK}\nprint(json.dumps(look(), default=str))\n"
        return {
            "installed": "test -x /usr/bin/fail2ban-server",
            "unit": "systemctl show -p UnitFileState -p ActiveState "
            "-p NeedDaemonReload fail2ban.service",
            "nftables": "systemctl show -P NeedDaemonReload nftables.service",
            "client": 'printf "%s\\n" "${1%% *}"',
            "truce": f"cat {NOTE}",
            "server": f"python3 -I - <<'EOF'\n{program}EOF",
            "loaded": f'test "$(cat {RECORD})" = "$({digest()})"',
            **files.sections(MANAGED),
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> Fail2banHost:
        unit = dict(line.split("=", 1) for line in answers["unit"].lines)
        return Fail2banHost(
            installed=answers["installed"].ok,
            enabled=unit.get("UnitFileState") == "enabled",
            server=_server(answers["server"], _truce(answers["truce"])),
            loaded=answers["loaded"].ok,
            reload="yes"
            in (unit.get("NeedDaemonReload"), answers["nftables"].text.strip()),
            files=files.observed(answers),
            client=answers["client"].text.strip(),
        )


def _truce(output: Output) -> dict[str, set[str]]:
    """Return, by jail, what it ignores only until a timer of ours takes it off."""
    found: dict[str, set[str]] = {}
    with suppress(ValueError, TypeError):
        for jail, address in json.loads(output.text or "[]"):
            found.setdefault(jail, set()).update(networks([address]))
    return found


def _server(output: Output, truce: Mapping[str, set[str]]) -> Server | None:
    if not output.ok:
        return None
    try:
        told = json.loads(output.text)
        jails = {
            name: _jail(values, truce.get(name, set()))
            for name, values in told["jails"].items()
        }
        sets, chains = _table(told["table"])
        return Server(
            values=told["server"],
            jails=jails,
            unenforced=_unenforced(told, sets),
            chains=chains,
            watching=frozenset(told["ssh"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"fail2ban's server answered {output.text[:80]!r}: {error!r}"
        raise FactProcessError(message) from error


def _jail(values: dict[str, Any], passing: set[str]) -> dict[str, Any]:
    lasting = [one for one in networks(values["ignoreip"] or []) if one not in passing]
    return {**values, "ignoreip": lasting}


def _table(entries: list[dict[str, Any]]) -> tuple[dict[str, set[str]], frozenset[str]]:
    """Return elements by set, and the chains that drop what is in theirs."""
    sets: dict[str, set[str]] = {}
    hooked: set[str] = set()
    dropping: dict[str, int] = {}
    for entry in entries:
        if (one := entry.get("set")) is not None:
            sets[one["name"]] = {_element(item) for item in one.get("elem", ())}
        elif (one := entry.get("chain")) is not None and one.get("hook") == "input":
            hooked.add(one["name"])
        elif (one := entry.get("rule")) is not None and {"drop": None} in one["expr"]:
            dropping[one["chain"]] = dropping.get(one["chain"], 0) + 1
    both = frozenset(name for name in hooked if dropping.get(name) == _FAMILIES)
    return sets, both


def _element(item: str | dict[str, Any]) -> str:
    if isinstance(item, dict) and "elem" in item:
        item = item["elem"]["val"]
    if isinstance(item, dict) and "prefix" in item:
        return f"{item['prefix']['addr']}/{item['prefix']['len']}"
    return str(item)


def banned_as(address: str) -> str:
    """Return the element of nft's set that shuts *address* out."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _unenforced(told: dict[str, Any], sets: dict[str, set[str]]) -> tuple[str, ...]:
    wrong: list[str] = []
    for jail in told["jails"]:
        if f"{jail}_4" not in sets or f"{jail}_6" not in sets:
            continue  # somebody else's jail, or a chain that is missing altogether
        held = sets[f"{jail}_4"] | sets[f"{jail}_6"]
        known = {banned_as(address) for address in told["banned"][jail]}
        moving = {banned_as(address) for address in told["moving"][jail]}
        wrong += [f"{jail}: {item}" for item in sorted((known ^ held) - moving)]
    return tuple(wrong)
