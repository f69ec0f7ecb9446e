"""From settings and an observed web server to what has to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.caddy import places, refusals, steps, wanted
from deploys.caddy.caddyfile import STREAMS
from deploys.caddy.facts import acme_names
from deploys.common import files
from deploys.common.changes import Action, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.caddy.facts import CaddyHost
    from deploys.settings import Settings

FILES: Final = (places.CADDYFILE, places.DROPIN, places.SYSCTL)
"""What goes with the last site; the unit's folder may hold somebody else's, too."""


def plan(settings: Settings, seen: CaddyHost) -> Plan:
    """Return what makes Caddy serve the sites of *settings*; without any, it is ended.

    Judged by the configuration that the running server has, not by files alone. What
    stands in the way of a change refuses the host; of a host where nothing is to be
    changed it is told as a note.
    """
    if not settings.sites:
        return _ended(seen)
    changes = files.changes(wanted.files(settings, seen.version), seen.files)
    after: list[Action] = []
    if not seen.enabled:
        after.append(steps.enable())
    why = list(_stale(settings, seen))
    if why and not changes:
        after.append(steps.load("; ".join(why)))
    impossible = tuple(refusals.impossible(settings, seen))
    unready = tuple(refusals.unready(settings, seen))
    busy = bool(changes or after)
    return Plan(
        "caddy",
        before=(steps.remember(),) if busy else (),
        files=changes,
        after=tuple(after),
        notes=(
            *_notes(settings, seen),
            *(() if busy else (refusal.message for refusal in unready)),
        ),
        refusals=(*impossible, *(unready if busy else ())),
        commit=steps.commit(settings),
    )


def _ended(seen: CaddyHost) -> Plan:
    """Return what ends a server whose last site is gone; nothing if it is not ours.

    Its package and what it keeps stay: certificates, its own authority, logs.
    """
    ours = refusals.is_ours(seen.files.get(places.CADDYFILE)) or (
        seen.files.get(places.CADDYFILE) is None
        and refusals.is_ours(seen.files.get(places.DROPIN))
    )
    if not ours:
        return Plan("caddy")
    return Plan(
        "caddy",
        before=(steps.remember(),),
        files=files.changes(
            {path: None for path in FILES if refusals.is_ours(seen.files.get(path))},
            seen.files,
        ),
        after=(steps.disable(),) if seen.enabled else (),
        notes=(f"no sites: what is in {places.HOME} and {places.LOGS} stays",),
        commit=steps.end(),
    )


def _stale(settings: Settings, seen: CaddyHost) -> Iterator[str]:
    if not seen.active:
        yield "it does not run"
        return
    if seen.reload:
        yield "systemd has not read its unit file"
    if seen.unit != wanted.unit_digest():
        yield "it was started with another unit file"
    elif seen.outdated:
        yield "its program was replaced"
    if not seen.running or seen.running != seen.written:
        yield "it runs another configuration"
    low = seen.buffers is not None and seen.buffers < places.BUFFER
    if settings.caddy.http3 and low:
        yield f"UDP buffers are {seen.buffers} bytes"


def _notes(settings: Settings, seen: CaddyHost) -> Iterator[str]:
    guarded = [site.host for site in settings.sites if site.is_guarded]
    if guarded and not seen.agent:
        yield (
            f"the agent does not run ({places.AGENT}): until it does, every request "
            f"to {', '.join(guarded)} is refused"
        )
    if seen.version and seen.version < STREAMS:
        version = ".".join(map(str, seen.version))
        yield (f"Caddy {version} does not cut WebSockets; `websocket_hours` needs 2.7")
    if acme_names(settings) and not seen.in_step:
        yield "the clock is not in step with a time server; certificates need it right"
