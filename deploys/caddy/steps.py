"""POSIX sh that tries, loads, takes back and proves Caddy's configuration."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from deploys.caddy import outside, places
from deploys.caddy.ports import doors
from deploys.caddy.settings import Tls
from deploys.caddy.wanted import unit_digest
from deploys.common.changes import Action, Commit
from deploys.common.remote import PATH
from deploys.common.templates import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.settings import Settings


def commit(settings: Settings) -> Commit:
    """Return how the configuration is tried, switched on, undone and proved."""
    values: dict[str, Any] = {"places": places, "path": PATH, "digest": unit_digest()}
    asked = json.dumps(_asked(settings))
    program = render("caddy/prove.py.j2", places=places, sites=asked).decode()
    end = "KEEPGATE_PROOF"
    return Commit(
        validate=render("caddy/validate.sh.j2", **values).decode(),
        activate=render("caddy/activate.sh.j2", **values).decode(),
        revert=render("caddy/revert.sh.j2", **values).decode(),
        evidence=f"python3 -I - \"$left\" <<'{end}'\n{program}{end}\n",
        units=(places.UNIT,),
        # Where none but proxies are let in, we are not.
        remarks=None if doors(settings).networks else _seen_from_here(settings),
    )


def _seen_from_here(settings: Settings) -> partial[Iterator[str]]:
    sites = [
        outside.Asked(one["host"], one["roots"], guarded=one["guarded"])
        for one in _asked(settings)
    ]
    return partial(outside.remarks, sites=sites)


def end() -> Commit:
    """Return how the server is stopped, and started again if that is undone."""
    values: dict[str, Any] = {"places": places, "path": PATH}
    return Commit(
        validate=":",
        activate=render("caddy/end.sh.j2", **values).decode(),
        revert=render("caddy/revert.sh.j2", **values).decode(),
        units=(places.UNIT,),
    )


def _asked(settings: Settings) -> list[dict[str, Any]]:
    roots = {
        Tls.ACME: settings.caddy.acme.trust or "",
        Tls.INTERNAL: places.ROOT,
    }
    login = settings.caddy.login
    sites: dict[str, tuple[Tls, bool]] = {
        site.host: (site.tls, site.is_guarded and "/" not in site.public)
        for site in settings.sites
        if site.tls is not Tls.OFF
    }
    if login is not None:
        sites.setdefault(login.host, (login.tls, False))
    return [
        {"host": host, "roots": roots[tls], "guarded": guarded}
        for host, (tls, guarded) in sites.items()
    ]


def remember() -> Action:
    """Note whether Caddy runs, for a rollback."""
    folder = places.STATE.rpartition("/")[0]
    return Action(
        "note whether caddy runs",
        f"mkdir -p {folder}\nsystemctl is-active {places.UNIT} >{places.STATE} || :\n",
        ":",
    )


def enable() -> Action:
    """Have Caddy started at every boot."""
    return Action(
        f"enable {places.UNIT}",
        f"systemctl --quiet --no-reload enable {places.UNIT}\n",
        f"systemctl --quiet --no-reload disable {places.UNIT}\n",
    )


def disable() -> Action:
    """Have Caddy started no more."""
    started = enable()
    return Action(f"disable {places.UNIT}", started.undo, started.do)


def load(why: str) -> Action:
    """Have Caddy run what its files say."""
    return Action(f"load the configuration into caddy ({why})", ":")
