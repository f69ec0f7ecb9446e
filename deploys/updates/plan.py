"""From settings and observed updates to what has to change."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from deploys.common import files
from deploys.common.changes import Action, Plan, Refusal
from deploys.common.packages import PATIENCE
from deploys.common.remote import PATH
from deploys.common.templates import render
from deploys.updates import wanted
from deploys.updates.facts import PENDING

if TYPE_CHECKING:
    from deploys.settings import Settings
    from deploys.updates.facts import UpdatesHost

FRESH: Final = 24 * 3600
"""Seconds for which package lists tell what is pending."""


def plan(settings: Settings, seen: UpdatesHost) -> Plan:
    """Return what makes the host update itself as *settings* want it.

    Configuration comes first: a mirror that does not answer must not keep the host
    from looking for updates later.
    """
    changes = files.changes(wanted.files(settings, seen.system), seen.files)
    missing = () if changes else _ineffective(settings, seen)
    units = bool(changes) or seen.reload or bool(seen.sleeping)
    return Plan(
        "updates",
        before=(_trial(settings, seen),) if changes else (),
        files=changes,
        after=(
            *((_units(seen.sleeping),) if units else ()),
            *(_now(seen) if settings.updates.now else ()),
        ),
        notes=_notes(settings, seen),
        refusals=_overridden(missing),
    )


def _ineffective(settings: Settings, seen: UpdatesHost) -> tuple[str, ...]:
    """Return what apt does not say, although our file stands as it should."""
    scalars = {
        key: value
        for key, value in wanted.scalars(settings).items()
        if seen.apt.scalars.get(key.lower()) != value
    }
    lists = {
        f"{key}::": item
        for key, items in wanted.lists(settings, seen.system).items()
        for item in items
        if item not in seen.apt.lists.get(key.lower(), ())
    }
    return tuple(f'{key} "{value}"' for key, value in {**scalars, **lists}.items())


def _overridden(missing: tuple[str, ...]) -> tuple[Refusal, ...]:
    if not missing:
        return ()
    more = f" and {len(missing) - 1} more" if missing[1:] else ""
    return (
        Refusal(
            "updates-not-effective",
            f"{wanted.APT} is in place, yet apt does not say `{missing[0]}`{more}",
            "look for the file that overrides it, a later one in /etc/apt/apt.conf.d "
            "or /etc/apt/apt.conf: `apt-config dump`",
        ),
    )


def _trial(settings: Settings, seen: UpdatesHost) -> Action:
    content = base64.encodebytes(wanted.apt_conf(settings, seen.system)).decode()
    return Action(
        "try the new configuration of apt",
        render("updates/trial.sh.j2", content=content.rstrip("\n")).decode(),
    )


def _units(sleeping: tuple[str, ...]) -> Action:
    summary = f"start {', '.join(sleeping)}" if sleeping else "make systemd read units"
    return Action(summary, render("updates/units.sh.j2").decode())


def _now(seen: UpdatesHost) -> tuple[Action, ...]:
    stale = seen.age is None or not 0 <= seen.age < FRESH
    if not stale and not seen.pending:
        return ()
    summary = (
        "fetch package lists and install security updates"
        if stale
        else f"install {len(seen.pending)} security updates"
    )
    return (
        Action(
            summary,
            render(
                "updates/now.sh.j2",
                update=stale,
                patience=PATIENCE,
                path=PATH,
                pending=PENDING,
            ).decode(),
        ),
    )


def _notes(settings: Settings, seen: UpdatesHost) -> tuple[str, ...]:
    notes: list[str] = []
    if settings.updates.mail and not seen.mailer:
        notes.append(
            f"updates.mail is {settings.updates.mail}, but the host has no sendmail: "
            "failures are told in the journal and at login only"
        )
    if seen.held:
        notes.append(f"held back, so never updated: {', '.join(seen.held)}")
    return tuple(notes)
