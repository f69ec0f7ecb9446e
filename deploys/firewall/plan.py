"""From settings and an observed packet filter to what has to change."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from deploys.caddy.ports import doors
from deploys.common import files
from deploys.common.changes import Commit, Directory, FileState, Plan
from deploys.common.templates import render
from deploys.firewall import rules, steps
from deploys.firewall.places import FOLDER, RULES, UNIT, UNIT_FILE
from deploys.firewall.ports import bounds, covers
from deploys.firewall.refusals import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.common.changes import Action
    from deploys.firewall.facts import FirewallHost
    from deploys.settings import Settings

_SHOWN: Final = 5


def plan(settings: Settings, seen: FirewallHost) -> Plan:
    """Return what makes the packet filter as *settings* want it.

    Judged by what the kernel holds, not by what was written once: a rule added or
    taken away by hand is a difference like any other.
    """
    text = rules.text(settings, ssh_ports=seen.ports, engines=seen.engines)
    changes = files.changes(
        {
            FOLDER: Directory(),
            RULES: FileState(text, mode=0o600),
            UNIT_FILE: FileState(render("firewall/firewall.service.j2", rules=RULES)),
        },
        seen.files,
    )
    after: list[Action] = []
    if not seen.enabled or any(change.path == UNIT_FILE for change in changes):
        after.append(steps.enable())
    loaded = bool(seen.live) and seen.live == seen.expected and seen.active
    if not loaded and not changes:
        after.append(steps.load())
    return Plan(
        "firewall",
        before=(steps.remember(),) if changes or after else (),
        files=changes,
        after=tuple(after),
        notes=tuple(_notes(settings, seen, stale=not changes and not loaded)),
        refusals=refusals(settings, seen),
        commit=Commit(
            validate=steps.VALIDATE,
            activate=steps.ACTIVATE,
            revert=steps.REVERT,
            units=(UNIT,),
        ),
    )


def _notes(settings: Settings, seen: FirewallHost, *, stale: bool) -> Iterator[str]:
    if stale and seen.live != seen.expected:
        yield f"the rules in force were changed: {_difference(seen)}"
    sites = doors(settings)
    open_now = {
        "tcp": (*settings.firewall.tcp, *sites.tcp),
        "udp": (*settings.firewall.udp, *sites.udp),
    }
    named = {(str(rule.protocol), rule.port) for rule in settings.firewall.rules}
    for published in seen.published:
        port, _, protocol = published.partition("/")
        first, last = bounds(port)
        ports = [*open_now.get(protocol, ()), *(p for k, p in named if k == protocol)]
        is_open = all(covers(ports, one) for one in range(first, last + 1))
        yield (
            f"a container publishes {published}, which the settings "
            + ("open" if is_open else "leave closed")
        )
    if seen.engines and not settings.firewall.forward:
        yield f"packets may pass the host because of {', '.join(seen.engines)}"
    if seen.forwards and not rules.forwards(settings, seen.engines):
        yield (
            "the host passes packets on between networks (ip_forward), which the "
            "firewall closes; set firewall.forward if it is a router or a VPN"
        )


def _difference(seen: FirewallHost) -> str:
    """Return the first lines by which the kernel's table differs from the file's."""
    found = [
        f"{line[0]} {line[1:].strip()}"
        for line in difflib.ndiff(seen.expected.splitlines(), seen.live.splitlines())
        if line[0] in "+-" and line[1:].strip()
    ]
    more = len(found) - _SHOWN
    return "; ".join(found[:_SHOWN]) + (f"; {more} more" if more > 0 else "")
