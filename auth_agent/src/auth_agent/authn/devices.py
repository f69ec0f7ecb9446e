"""Browsers that an account knows, by a cookie of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.ids import random_token, token_hash

if TYPE_CHECKING:
    from auth_agent.storage.store import Reader, Transaction

MOST = 20
"""Browsers that an account knows at most; the one unused for longest gives way."""

REMEMBERED = 400 * 86_400_000_000
"""How long an unused browser is known, in microseconds."""


def known(reader: Reader, user_id: str, cookie: str, now: int) -> bytes:
    """Return the hash of the browser's cookie if the account knows it, else b''."""
    hashed = token_hash(cookie)
    row = reader.one(
        "SELECT 1 FROM devices WHERE hash = ? AND user_id = ? AND used > ?",
        (hashed, user_id, now - REMEMBERED),
    )
    return hashed if row is not None and cookie else b""


def greet(tx: Transaction, user_id: str, cookie: str, now: int) -> str:
    """Note a login from a browser; return its new cookie if it was not known.

    A browser gets a new cookie with each account it gets to know, and keeps the
    accounts it knew: so a cookie that somebody planted is never the one that counts.
    """
    old = known(tx, user_id, cookie, now)
    if old:
        tx.execute(
            "UPDATE devices SET used = ? WHERE hash = ? AND user_id = ?",
            (now, old, user_id),
        )
        return ""
    token = random_token()
    if cookie:
        tx.execute(
            "UPDATE devices SET hash = ? WHERE hash = ? AND user_id <> ?",
            (token_hash(token), token_hash(cookie), user_id),
        )
    tx.execute(
        "DELETE FROM devices WHERE user_id = ? AND hash NOT IN"
        " (SELECT hash FROM devices WHERE user_id = ? ORDER BY used DESC LIMIT ?)",
        (user_id, user_id, MOST - 1),
    )
    tx.execute(
        "INSERT INTO devices (hash, user_id, created, used) VALUES (?, ?, ?, ?)",
        (token_hash(token), user_id, now, now),
    )
    return token


def forget_all(tx: Transaction, user_id: str) -> None:
    """Have the account know no browser."""
    tx.execute("DELETE FROM devices WHERE user_id = ?", (user_id,))
