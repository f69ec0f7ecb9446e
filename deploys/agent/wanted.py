"""The agent as Keepgate wants it, file by file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from deploys.agent import config, password, places
from deploys.common.changes import Directory, FileState
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.settings import Settings

MANAGED: Final = (
    *(places.ETC, places.CONFIG, *places.MAIL_UNITS, places.SEAL, *places.SEAL_UNITS),
    *(places.UNIT_FILE, places.COMMAND),
)
"""Every managed path."""

KEEP_DAYS: Final = 400
"""Days after which the agent may remove a segment: its own default, `keep_days`."""


def digest(settings: Settings, release: str) -> str:
    """Return what the running process tells if it was started as is wanted."""
    own = (_unit(settings, release), config.text(settings))
    beside = (*_mail(settings), *_seal().values())
    return hashlib.sha256(b"".join((*own, *beside))).hexdigest()[:16]


def files(settings: Settings, release: str) -> dict[str, FileState | Directory | None]:
    """Return every managed path, a folder before what is in it."""
    unit = _unit(settings, digest(settings, release))
    command = render("agent/command.sh.j2", places=places)
    group = places.USER
    return {
        places.ETC: Directory(group=group, mode=0o750),
        places.CONFIG: FileState(config.text(settings), group=group, mode=0o640),
        **{
            path: FileState(text) if text else None
            for path, text in zip(places.MAIL_UNITS, _mail(settings), strict=True)
        },
        **{
            path: FileState(text, mode=0o755 if path == places.SEAL else 0o644)
            for path, text in _seal().items()
        },
        places.UNIT_FILE: FileState(unit),
        places.COMMAND: FileState(command, mode=0o755),
    }


def _unit(settings: Settings, told: str) -> bytes:
    return render(
        "agent/unit.service.j2",
        places=places,
        digest=told,
        mail=settings.agent.mail,
        password=password.wanted(settings),
    )


def _seal() -> dict[str, bytes]:
    """Return what has the audit log append-only, by path."""
    names = ("seal.py", "seal.service", "seal.path", "seal.timer")
    texts = (
        render(f"agent/{name}.j2", places=places, keep_days=KEEP_DAYS) for name in names
    )
    return dict(zip((places.SEAL, *places.SEAL_UNITS), texts, strict=True))


def _mail(settings: Settings) -> tuple[bytes, bytes]:
    """Return the units that lead to the mail server; empty without one."""
    mail = settings.agent.mail
    if mail is None:
        return b"", b""
    return (
        render("agent/mail.socket.j2", places=places),
        render("agent/mail.service.j2", places=places, mail=mail),
    )
