"""Logins as the store keeps them: what a transaction does to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth_agent.accounts.rows import number
from auth_agent.audit.events import Event
from auth_agent.errors import LoginExpiredError
from auth_agent.ids import random_id, random_token, token_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auth_agent.accounts.rows import User
    from auth_agent.callers import Caller
    from auth_agent.storage.store import Transaction


@dataclass(frozen=True)
class NewLogin:
    """A login that was just made. *ended* are ids of those that gave way to it."""

    id: str
    token: str = field(repr=False)
    user: User
    created: int
    expires: int
    methods: str
    owes: str
    ended: tuple[str, ...]


@dataclass(frozen=True)
class Rekeyed:
    """A login that got a new token, and what else became of it."""

    id: str
    token: str = field(repr=False)
    methods: str
    owes: str
    stepped_up: bool
    ended: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What a login is opened with; times are microseconds."""

    methods: str
    owes: str
    now: int
    lasts: int
    most: int


def open_login(tx: Transaction, user: User, terms: Terms, caller: Caller) -> NewLogin:
    """Open a login of *user*; beyond `terms.most` the oldest ones end."""
    rows = tx.all(
        "SELECT id FROM logins WHERE user_id = ? ORDER BY created DESC, id", (user.id,)
    )
    ended = tuple(str(row[0]) for row in rows[terms.most - 1 :])
    for login_id in ended:
        tx.execute("DELETE FROM logins WHERE id = ?", (login_id,))
        tx.record(
            caller.did(Event.SESSION_END, target=("login", login_id), reason="too_many")
        )
    token, identity = random_token(), random_id()
    origin = caller.origin
    tx.execute(
        "INSERT INTO logins (id, hash, user_id, created, expires, seen, stepped_up,"
        " methods, owes, ip, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            identity,
            token_hash(token),
            user.id,
            terms.now,
            terms.now + terms.lasts,
            terms.now,
            terms.now,
            terms.methods,
            terms.owes,
            origin.ip,
            origin.user_agent,
        ),
    )
    tx.record(
        caller.did(
            Event.SESSION_CREATE,
            target=("login", identity),
            methods=terms.methods,
            owes=terms.owes,
        )
    )
    expires = terms.now + terms.lasts
    return NewLogin(
        identity, token, user, terms.now, expires, terms.methods, terms.owes, ended
    )


def rekey(  # noqa: PLR0913 - what a new token may bring along
    tx: Transaction,
    login_id: str,
    *,
    methods: str,
    owes: str,
    stepped_up: int | None = None,
    ended: tuple[str, ...] = (),
) -> Rekeyed:
    """Give a login a new token; the old one is nobody's.

    Raises:
        LoginExpiredError: it has ended meanwhile.
    """
    token = random_token()
    touched = tx.execute(
        "UPDATE logins SET hash = ?, methods = ?, owes = ?, stale = 0,"
        " stepped_up = coalesce(?, stepped_up) WHERE id = ?",
        (token_hash(token), methods, owes, stepped_up, login_id),
    )
    if not touched:
        raise LoginExpiredError
    return Rekeyed(login_id, token, methods, owes, stepped_up is not None, ended)


def renew(tx: Transaction, login_id: str) -> Rekeyed:
    """Give a login a new token and leave all else as it is in the store now.

    Memory may be behind: a role that changes at the same time must not be undone.

    Raises:
        LoginExpiredError: it has ended meanwhile.
    """
    row = tx.one("SELECT methods, owes FROM logins WHERE id = ?", (login_id,))
    if row is None:
        raise LoginExpiredError
    return rekey(tx, login_id, methods=str(row[0]), owes=str(row[1]))


def end_logins(tx: Transaction, ids: Iterable[str]) -> tuple[str, ...]:
    """End logins with their site sessions; return those that were there."""
    return tuple(
        one for one in ids if tx.execute("DELETE FROM logins WHERE id = ?", (one,))
    )


def logins_of(tx: Transaction, user_id: str, *, but: str = "") -> tuple[str, ...]:
    """Return the ids of an account's logins, without *but*."""
    rows = tx.all(
        "SELECT id FROM logins WHERE user_id = ? AND id <> ? ORDER BY id",
        (user_id, but),
    )
    return tuple(str(row[0]) for row in rows)


def expired(tx: Transaction, *, now: int, idle: int) -> list[tuple[str, str]]:
    """Return (id, why) of the logins whose time is over."""
    rows = tx.all(
        "SELECT id, expires FROM logins WHERE expires <= ? OR seen <= ? LIMIT 1000",
        (now, now - idle),
    )
    return [
        (str(row[0]), "absolute" if number(row[1]) <= now else "idle") for row in rows
    ]
