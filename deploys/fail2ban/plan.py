"""From settings and an observed fail2ban to what has to change."""

from __future__ import annotations

import base64
import ipaddress
import json
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deploys.common import files
from deploys.common.changes import Action, Plan
from deploys.common.templates import render
from deploys.fail2ban import wanted
from deploys.fail2ban.facts import ASK

if TYPE_CHECKING:
    from deploys.fail2ban.facts import Fail2banHost, Server
    from deploys.settings import Settings


def plan(settings: Settings, seen: Fail2banHost) -> Plan:
    """Return what makes fail2ban ban as *settings* want it.

    The server is restarted whenever what it does is not what it should do, whoever
    caused that; it takes its bans with it. New files are tried on a copy before any
    is put in place.
    """
    changes = files.changes(wanted.files(settings), seen.files)
    why = _differences(settings, seen)
    restart = bool(changes) or bool(why)
    return Plan(
        "fail2ban",
        before=(_trial(settings),) if changes else (),
        files=changes,
        after=(_restart(settings, why),) if restart else (),
        notes=_notes(settings, seen),
    )


def _differences(settings: Settings, seen: Fail2banHost) -> tuple[str, ...]:
    """Return in which respects the host does not do what it should, in few words."""
    server = seen.server
    found = [
        *(() if seen.enabled else ("does not start at boot",)),
        *(("its unit file was not read",) if seen.reload else ()),
    ]
    if server is None:
        return (*found, "does not run")
    found += [] if seen.loaded else ["has not read its files"]
    found += [
        f"{key} is {server.values.get(key)}"
        for key, value in wanted.server(settings).items()
        if server.values.get(key) != value
    ]
    for jail in wanted.jails(settings):
        found += _jail(jail, settings, server)
    found += [f"nft and server differ on {item}" for item in server.unenforced]
    return tuple(found)


def _jail(jail: wanted.Jail, settings: Settings, server: Server) -> list[str]:
    values = server.jails.get(jail.name)
    if values is None:
        return [f"there is no jail {jail.name}"]
    found = [
        f"{jail.name}: {key} is {values.get(key)}"
        for key, value in jail.answers(wanted.ignored(settings)).items()
        if (values.get(key) or "") != (value or "")
    ]
    if jail.name not in server.chains:
        found.append(f"{jail.name}: nft drops nothing")
    return found


def _trial(settings: Settings) -> Action:
    """Let fail2ban judge a copy of its configuration with our files in it."""
    staged = [
        {
            "path": shlex.quote(path.removeprefix(f"{wanted.ETC}/")),
            "content": base64.encodebytes(state.content).decode().rstrip("\n"),
        }
        for path, state in wanted.configuration(settings).items()
    ]
    return Action(
        "try the new configuration of fail2ban",
        render(
            "fail2ban/trial.sh.j2",
            etc=wanted.ETC,
            files=staged,
            log=wanted.have_log(settings),
        ).decode(),
    )


def _restart(settings: Settings, why: tuple[str, ...]) -> Action:
    expected: dict[str, Any] = {
        "server": wanted.server(settings),
        "jails": {
            jail.name: jail.answers(wanted.ignored(settings))
            for jail in wanted.jails(settings)
        },
    }
    reason = f" ({'; '.join(why[:3])})" if why else ""
    return Action(
        f"start fail2ban anew{reason}",
        render(
            "fail2ban/restart.sh.j2", ask=ASK, expected=json.dumps(expected)
        ).decode(),
    )


def _notes(settings: Settings, seen: Fail2banHost) -> tuple[str, ...]:
    notes: list[str] = []
    if not settings.operator.networks and not settings.fail2ban.spare_logins:
        notes.append(
            "nothing keeps the operator from being banned: set operator.networks or "
            "fail2ban.spare_logins"
        )
    if any(site.is_guarded for site in settings.sites) and not wanted.watches_sites(
        settings
    ):
        notes.append(
            "nobody is banned for what is refused at the sites: one of them is "
            "proxied, and a ban would stop the proxy or nobody"
        )
    ours = {jail.name for jail in wanted.jails(settings)}
    needed = set(wanted.networks(wanted.spared(settings)))
    for name, values in (seen.server.jails if seen.server else {}).items():
        lacking = sorted(needed - set(values["ignoreip"]))
        if name not in ours and lacking:
            notes.append(
                f"jail {name}, which is not ours, may ban {', '.join(lacking)}: add "
                "them to its ignoreip"
            )
        elif name not in ours and _may_ban(name, values, seen):
            notes.append(
                f"jail {name}, which is not ours, counts failed logins by SSH and may "
                f"ban {seen.client}, from where you work: add that address to its "
                "ignoreip, or name its network in operator.networks (while a change "
                "is proved, Keepgate has it ignored)"
            )
    return tuple(notes)


def _may_ban(name: str, values: dict[str, Any], seen: Fail2banHost) -> bool:
    """Whether a jail watches SSH and would not spare the address we come from."""
    if seen.server is None or name not in seen.server.watching or not seen.client:
        return False
    if values.get("ignorecommand"):
        return False  # what it decides is not known here
    client = ipaddress.ip_address(seen.client.partition("%")[0])
    for text in values["ignoreip"]:
        with suppress(ValueError):  # a name
            if client in ipaddress.ip_network(text):
                return False
    return True
