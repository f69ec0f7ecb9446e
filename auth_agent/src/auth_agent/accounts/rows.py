"""Accounts as the store keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth_agent.accounts.names import canonical_login

if TYPE_CHECKING:
    from auth_agent.storage.store import Reader, Row

ADMIN = "admin"
"""The role whose last active account is protected."""

COLUMNS = (
    "id, name, display_name, email, role, active, password, password_short,"
    " must_change_password, created, last_login"
)


@dataclass(frozen=True)
class User:
    """One row of `users`."""

    id: str
    name: str
    display_name: str
    email: str
    role: str
    active: bool
    password: str | None = field(repr=False)
    password_short: bool
    must_change_password: bool
    created: int
    last_login: int


def user_of(row: Row) -> User:
    """Return the row of `COLUMNS` as a user."""
    return User(
        id=str(row[0]),
        name=str(row[1]),
        display_name=str(row[2]),
        email=str(row[3] or ""),
        role=str(row[4]),
        active=bool(row[5]),
        password=None if row[6] is None else str(row[6]),
        password_short=bool(row[7]),
        must_change_password=bool(row[8]),
        created=number(row[9]),
        last_login=number(row[10]),
    )


def number(value: object) -> int:
    """Return a column as a number; NULL is 0."""
    return value if isinstance(value, int) else 0


def by_id(reader: Reader, user_id: str) -> User | None:
    """Return the account with that id."""
    row = reader.one(f"SELECT {COLUMNS} FROM users WHERE id = ?", (user_id,))  # noqa: S608 - constant columns
    return None if row is None else user_of(row)


def by_login(reader: Reader, typed: str) -> User | None:
    """Return the account with the name or address *typed*, in any spelling."""
    key = canonical_login(typed)
    if "\0" in key:
        return None
    row = reader.one(
        f"SELECT {COLUMNS} FROM users WHERE name = ?"  # noqa: S608 - constant columns
        " OR (email IS NOT NULL AND lower(email) = ?) ORDER BY name = ? DESC",
        (key, key, key),
    )
    return None if row is None else user_of(row)


def is_last_admin(reader: Reader, user: User) -> bool:
    """Whether *user* is the only administrator who can act."""
    if user.role != ADMIN or not user.active:
        return False
    row = reader.one(
        "SELECT count(*) FROM users WHERE role = ? AND active = 1 AND id <> ?"
        " AND password IS NOT NULL",
        (ADMIN, user.id),
    )
    return row is None or number(row[0]) == 0


def any_admin(reader: Reader) -> bool:
    """Whether an administrator exists who can log in."""
    row = reader.one(
        "SELECT 1 FROM users WHERE role = ? AND active = 1 AND password IS NOT NULL"
        " LIMIT 1",
        (ADMIN,),
    )
    return row is not None
