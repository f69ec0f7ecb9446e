"""What the audit log says happened since a backup: what must not come alive again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from auth_agent.audit import chain, ending, segments
from auth_agent.audit.chain import BrokenChainError
from auth_agent.audit.events import Event, Outcome
from auth_agent.audit.verify import Pin, verify
from auth_agent.clock import to_micros

if TYPE_CHECKING:
    from pathlib import Path

    from auth_agent.audit.keys import AuditKeys

_PASSWORD = frozenset({Event.PASSWORD_CHANGE, Event.PASSWORD_RESET_DONE})
_FACTORS = frozenset({Event.TOTP_ADD, Event.TOTP_REMOVE})
_CODES = frozenset({Event.RECOVERY_GENERATE, Event.RECOVERY_USE})
_KEYS = frozenset(
    {
        Event.APIKEY_REVOKE,
        Event.APIKEY_ROTATE,
        Event.APIKEY_EXPIRE,
        Event.APIKEY_LEAK_REPORT,
    }
)
_BY_ADMIN = frozenset({"reset", "recovered", "restored"})
"""Reasons of `password.reset_request` by which a password ended at once."""


class _Target(msgspec.Struct):
    id: str


class _Line(msgspec.Struct):
    seq: int
    id: str
    time: datetime
    event: str
    outcome: str
    target: _Target
    reason: str
    details: dict[str, str | int | bool]


@dataclass
class Since:
    """What happened to accounts and keys, by their ids.

    *known* says that the log is whole and reaches back to the backup: nothing is
    missing here. *last* is the time of the newest record, in microseconds. *seen*
    are those of the ids asked for that stand in the log.
    """

    known: bool = False
    records: int = 0
    last: int = 0
    seen: set[str] = field(default_factory=set)
    active: dict[str, bool] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    passwords: set[str] = field(default_factory=set)
    factors: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)
    """Accounts that were made since, with their names: the backup has none."""
    rotated: bool = False


def since(folder: Path, keys: AuditKeys, pin: Pin, ids: frozenset[str]) -> Since:
    """Return what the log in *folder* holds beyond *pin*; *ids* are looked for, too.

    Only records with a right mac count, so that nobody enables an account by writing
    into the log.
    """
    verdict = verify(folder, keys, pin)
    found = Since(known=verdict.holds and 0 < verdict.first <= pin.seq + 1)
    for segment in segments.segments(folder):
        for raw in segments.lines(segment.path):
            line = raw.removesuffix(b"\n")
            if not chain.complete(line):
                continue
            try:
                ending.place_of(line, keys.mac_key)
                record = msgspec.json.decode(line, type=_Line)
            except (BrokenChainError, msgspec.DecodeError):
                continue
            found.last = to_micros(record.time)
            if record.id in ids:
                found.seen.add(record.id)
            if record.seq > pin.seq:
                found.records += 1
                _note(found, record)
    return found


def _note(found: Since, record: _Line) -> None:
    if record.outcome != Outcome.SUCCESS:
        return
    event, target = record.event, record.target.id
    for events, ids in (
        (_PASSWORD, found.passwords),
        (_FACTORS, found.factors),
        (_CODES, found.codes),
        (_KEYS, found.keys),
        ({Event.USER_DELETE}, found.deleted),
        ({Event.USER_MAIL_CHANGE}, found.addresses),
    ):
        if event in events:
            ids.add(target)
    if event == Event.PASSWORD_RESET_REQUEST and record.reason in _BY_ADMIN:
        found.passwords.add(target)
    elif event in {Event.USER_DISABLE, Event.USER_ENABLE}:
        found.active[target] = event == Event.USER_ENABLE
    elif event == Event.USER_ROLE_CHANGE:
        found.roles[target] = str(record.details.get("becomes", ""))
    elif event == Event.USER_CREATE:
        found.made[target] = str(record.details.get("name", ""))
    elif event == Event.ADMIN_SECRET_ROTATE:
        found.rotated = True
