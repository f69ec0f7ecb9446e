"""The web server as Keepgate wants it, file by file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from deploys.caddy import caddyfile, places
from deploys.common.changes import Directory, FileState
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.settings import Settings


def unit_digest() -> str:
    """Return what the running process tells if it was started with our unit file."""
    bare = render("caddy/unit.conf.j2", places=places, digest="")
    return hashlib.sha256(bare).hexdigest()[:16]


def files(
    settings: Settings, version: tuple[int, ...]
) -> dict[str, FileState | Directory | None]:
    """Return every managed path, a folder before what is in it."""
    unit = render("caddy/unit.conf.j2", places=places, digest=unit_digest())
    sysctl = render("caddy/sysctl.conf.j2", buffer=places.BUFFER)
    return {
        places.CADDYFILE: FileState(caddyfile.text(settings, version)),
        places.DROPIN.rpartition("/")[0]: Directory(),
        places.DROPIN: FileState(unit),
        places.SYSCTL: FileState(sysctl) if settings.caddy.http3 else None,
    }
