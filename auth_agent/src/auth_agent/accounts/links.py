"""Links that let somebody in once: bound to a purpose and an account, and short."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from auth_agent.errors import LinkRefusedError
from auth_agent.ids import random_token, token_hash

if TYPE_CHECKING:
    from auth_agent.storage.store import Reader, Transaction

_MINUTE = 60 * 1_000_000


class Purpose(StrEnum):
    """What a link is for; it is good for nothing else."""

    FIRST_ADMIN = "first-admin"
    INVITE = "invite"
    RESET = "reset"


LIFETIME = {
    Purpose.FIRST_ADMIN: 15 * _MINUTE,
    Purpose.INVITE: 24 * 60 * _MINUTE,
    Purpose.RESET: 10 * _MINUTE,
}
"""How long a link is good (ASVS 5.0, 6.4.1 and 6.5.5), in microseconds."""


@dataclass(frozen=True)
class Link:
    """A single-use link's secret part; an administrator hands it over.

    *sent* says that it went out by mail instead.
    """

    token: str = field(repr=False)
    expires: int
    sent: bool = False


def make(tx: Transaction, purpose: Purpose, user_id: str | None, now: int) -> Link:
    """Return a new link; the account's older ones are dead."""
    if user_id is None:
        tx.execute("DELETE FROM links WHERE purpose = ?", (purpose,))
    else:
        end_all(tx, user_id)
    return _add(tx, purpose, user_id, now)


def mailed(tx: Transaction, user_id: str, now: int) -> Link:
    """Return a new reset link that leaves the account's others good.

    Anybody may ask for a mail; that must not kill what an administrator handed over.
    """
    return _add(tx, Purpose.RESET, user_id, now)


def _add(tx: Transaction, purpose: Purpose, user_id: str | None, now: int) -> Link:
    link = Link(random_token(), now + LIFETIME[purpose])
    tx.execute(
        "INSERT INTO links (hash, purpose, user_id, created, expires)"
        " VALUES (?, ?, ?, ?, ?)",
        (token_hash(link.token), purpose, user_id, now, link.expires),
    )
    return link


def owner(reader: Reader, token: str, purpose: Purpose, now: int) -> str | None:
    """Return whose live link *token* is ('' for nobody's), None if it is none."""
    row = reader.one(
        "SELECT user_id FROM links WHERE hash = ? AND purpose = ? AND expires > ?",
        (token_hash(token), purpose, now),
    )
    return None if row is None else str(row[0] or "")


def purpose_of(reader: Reader, token: str, now: int) -> Purpose | None:
    """Return what a live link is for."""
    row = reader.one(
        "SELECT purpose FROM links WHERE hash = ? AND expires > ?",
        (token_hash(token), now),
    )
    return None if row is None else Purpose(str(row[0]))


def take(tx: Transaction, token: str, purpose: Purpose, now: int) -> str:
    """Use the link up; return whose it is, '' for nobody's.

    Raises:
        LinkRefusedError: it is unknown, used, expired, or for another purpose.
    """
    found = owner(tx, token, purpose, now)
    if found is None:
        raise LinkRefusedError
    tx.execute("DELETE FROM links WHERE hash = ?", (token_hash(token),))
    return found


def end_all(tx: Transaction, user_id: str) -> None:
    """End every link of an account: what it was to change has been changed."""
    tx.execute("DELETE FROM links WHERE user_id = ?", (user_id,))


def purge(tx: Transaction, now: int) -> None:
    """Remove links that are over."""
    tx.execute("DELETE FROM links WHERE expires <= ?", (now,))
