"""Caddy's archive as apt is to know it, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.caddy import places
from deploys.common.changes import Directory, FileState
from deploys.common.templates import ROOT, render

if TYPE_CHECKING:
    from deploys.settings import Settings

FINGERPRINT: Final = "65760C51EDEA2017CEA2CA15155B6D79CA56EA34"
"""Of the key that signs Caddy's archive; its text is `templates/caddy/archive.asc`.

Not told by Caddy's guide. It is the one that a dozen projects pin that have nothing to
do with each other; name, address, and the makers' signatures on the parts of the key
fit it.
"""

MANAGED: Final = (
    places.KEYRINGS,
    places.ARCHIVE_KEY,
    places.ARCHIVE_PINS,
    places.ARCHIVE,
)


def key(settings: Settings) -> str:
    """Return the armored key that the archive must be signed with."""
    own = settings.caddy.archive.key
    return own or (ROOT / "caddy/archive.asc").read_text().strip()


def files(settings: Settings) -> dict[str, FileState | Directory | None]:
    """Return every managed path; what limits the archive stands before it does."""
    archive = settings.caddy.archive
    return {
        places.KEYRINGS: Directory(),
        places.ARCHIVE_KEY: FileState(f"{key(settings)}\n".encode()),
        places.ARCHIVE_PINS: FileState(
            render("caddy/archive.pref.j2", archive=archive)
        ),
        places.ARCHIVE: FileState(
            render("caddy/archive.sources.j2", archive=archive, places=places)
        ),
    }
