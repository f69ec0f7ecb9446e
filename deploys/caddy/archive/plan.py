"""From settings and what is known of Caddy's archive to what has to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.caddy import places, refusals
from deploys.caddy.archive import wanted
from deploys.caddy.archive.settings import Package
from deploys.common import files
from deploys.common.changes import Action, FileState, Plan, Refusal
from deploys.common.packages import PATIENCE
from deploys.common.remote import PATH
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.caddy.archive.facts import ArchiveHost
    from deploys.settings import Settings

NAME: Final = "archive"


def plan(settings: Settings, seen: ArchiveHost) -> Plan:
    """Return what lets the host's package of Caddy come from where it shall.

    Nothing is taken from an archive that was not reached and found signed by its key
    just before. What is installed stays: it is followed by newer versions of the same
    or of the new origin, by automatic updates.
    """
    if not settings.sites:
        return Plan(NAME)
    if settings.caddy.package is Package.DEBIAN:
        return _without(seen)
    changes = files.changes(wanted.files(settings), seen.files)
    if seen.failed or (not seen.tried and not _stands(settings, seen)):
        return _untouched(settings, seen)
    lists = bool(changes) or not (seen.installed or seen.listed)
    return Plan(
        NAME,
        files=changes,
        after=(_refresh(settings),) if lists else (),
        notes=_notes(seen) if changes else (),
    )


def _stands(settings: Settings, seen: ArchiveHost) -> bool:
    """Whether every file says what is wanted, whoever may read or change it."""
    return all(
        isinstance(found := seen.files.get(path), FileState)
        and found.content == state.content
        for path, state in wanted.files(settings).items()
        if isinstance(state, FileState)
    )


def _untouched(settings: Settings, seen: ArchiveHost) -> Plan:
    """Return what is said of a host that cannot, or need not, take from the archive."""
    url = settings.caddy.archive.url
    if settings.caddy.package is Package.ARCHIVE:
        why = seen.failed or "the host could not try it"
        refusal = Refusal(
            "caddy-archive",
            f"Caddy's archive {url} cannot be used: {why}",
            "let the host reach it, or set `caddy.package: auto` to have Debian's "
            "package meanwhile",
        )
        return Plan(NAME, refusals=(refusal,))
    if not seen.failed:
        return Plan(NAME)
    instead = "what is installed stays" if seen.installed else "Debian's package it is"
    return Plan(
        NAME,
        notes=(f"Caddy's archive {url} cannot be used ({seen.failed}); {instead}",),
    )


def _without(seen: ArchiveHost) -> Plan:
    ours = {
        path: None
        for path in (places.ARCHIVE, places.ARCHIVE_PINS, places.ARCHIVE_KEY)
        if seen.files.get(path) is not None
    }
    if not refusals.is_ours(seen.files.get(places.ARCHIVE)):
        ours = {}
    return Plan(NAME, files=files.changes(ours, seen.files))


def _notes(seen: ArchiveHost) -> tuple[str, ...]:
    if not seen.installed or seen.installed == seen.tried:
        return ()
    now = f"caddy {seen.installed} stays until the next automatic update"
    return (f"{now} brings {seen.tried}",)


def _refresh(settings: Settings) -> Action:
    return Action(
        "fetch the lists of Caddy's archive",
        render(
            "caddy/archive_list.sh.j2",
            archive=settings.caddy.archive,
            patience=PATIENCE,
            path=PATH,
        ).decode(),
    )
