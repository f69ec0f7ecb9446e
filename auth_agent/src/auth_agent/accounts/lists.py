"""Accounts as lists show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.accounts.names import canonical_login
from auth_agent.accounts.rows import number

if TYPE_CHECKING:
    from auth_agent.storage.store import Reader, Row

_SELECT = (
    "SELECT u.id, u.name, u.display_name, u.email, u.role, u.active,"
    " u.password IS NOT NULL, u.created, u.last_login,"
    " EXISTS (SELECT 1 FROM totp t WHERE t.user_id = u.id),"
    " (SELECT count(*) FROM recovery_codes r WHERE r.user_id = u.id),"
    " (SELECT max(f.locked) FROM failures f WHERE f.bucket IN"
    " ('password:account:' || u.id, 'second:account:' || u.id))"
    " FROM users u"
)
_MATCH = " WHERE (u.name LIKE ? ESCAPE '!' OR lower(u.email) LIKE ? ESCAPE '!')"


@dataclass(frozen=True)
class UserInfo:
    """An account as lists show it; times are microseconds, 0 for never."""

    id: str
    name: str
    display_name: str
    email: str
    role: str
    active: bool
    has_password: bool
    has_totp: bool
    recovery_left: int
    created: int
    last_login: int
    locked_until: int


def one(reader: Reader, user_id: str, now: int) -> UserInfo | None:
    """Return one account."""
    row = reader.one(f"{_SELECT} WHERE u.id = ?", (user_id,))
    return None if row is None else _info(row, now)


def some(
    reader: Reader, *, search: str, limit: int, offset: int, now: int
) -> tuple[UserInfo, ...]:
    """Return accounts by name whose name or address begins with *search*."""
    pattern = _pattern(search)
    rows = reader.all(
        f"{_SELECT}{_MATCH} ORDER BY u.name LIMIT ? OFFSET ?",
        (pattern, pattern, limit, offset),
    )
    return tuple(_info(row, now) for row in rows)


def count(reader: Reader, search: str) -> int:
    """Return how many accounts `some` would give in all."""
    pattern = _pattern(search)
    row = reader.one(f"SELECT count(*) FROM users u{_MATCH}", (pattern, pattern))  # noqa: S608 - a constant
    return 0 if row is None else number(row[0])


def _pattern(search: str) -> str:
    plain = canonical_login(search).replace("\0", "")
    return "".join(f"!{char}" if char in "%_!" else char for char in plain) + "%"


def _info(row: Row, now: int) -> UserInfo:
    locked = number(row[11])
    return UserInfo(
        id=str(row[0]),
        name=str(row[1]),
        display_name=str(row[2]),
        email=str(row[3] or ""),
        role=str(row[4]),
        active=bool(row[5]),
        has_password=bool(row[6]),
        created=number(row[7]),
        last_login=number(row[8]),
        has_totp=bool(row[9]),
        recovery_left=number(row[10]),
        locked_until=locked if locked > now else 0,
    )
