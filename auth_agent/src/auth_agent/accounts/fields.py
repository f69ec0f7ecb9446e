"""The fields of an account, checked and in their stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts.names import canonical_email, canonical_name, shown_name
from auth_agent.errors import ConflictError

if TYPE_CHECKING:
    from auth_agent.storage.store import Transaction


class Fields:
    """The fields of a new account in their stored form.

    Raises:
        InvalidInputError: one cannot be taken.
    """

    def __init__(self, name: str, shown: str, email: str, role: str) -> None:
        self.name = canonical_name(name)
        self.display_name = shown_name(shown or name)
        self.email = canonical_email(email) if email else None
        self.role = role


def insert(tx: Transaction, identity: str, fields: Fields, now: int) -> None:
    """Add an account without a password.

    Raises:
        ConflictError: the name or the address is taken.
    """
    if tx.one("SELECT 1 FROM users WHERE name = ?", (fields.name,)) is not None:
        message = "that name is taken"
        raise ConflictError(message, fix="choose another one")
    if fields.email is not None:
        check_email_free(tx, fields.email, identity)
    tx.execute(
        "INSERT INTO users (id, name, display_name, email, role, active, created)"
        " VALUES (?, ?, ?, ?, ?, 1, ?)",
        (
            identity,
            fields.name,
            fields.display_name,
            fields.email,
            fields.role,
            now,
        ),
    )


def check_email_free(tx: Transaction, email: str, user_id: str) -> None:
    """Keep addresses apart, in any spelling.

    Raises:
        ConflictError: another account has it.
    """
    taken = tx.one(
        "SELECT 1 FROM users WHERE lower(email) = lower(?) AND id <> ?",
        (email, user_id),
    )
    if taken is not None:
        message = "another account has that address"
        raise ConflictError(message, fix="use another address")
