"""Recovery codes: ten, of 80 random bits, each good for one login."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

from auth_agent.accounts.rows import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auth_agent.accounts.hashing import Hashing
    from auth_agent.storage.store import Reader, Transaction

COUNT = 10
_BYTES = 10
_LENGTH = 16
_GROUP = 4
_SALT = 16
NO_SALT = bytes(_SALT)
"""What the codes of an account without any are derived under: the same work."""


def new_codes() -> tuple[str, ...]:
    """Return ten new codes as they are shown: `abcd-efgh-ijkl-mnop`."""
    return tuple(_shown(secrets.token_bytes(_BYTES)) for _ in range(COUNT))


def new_salt() -> bytes:
    """Return the salt of a new set."""
    return secrets.token_bytes(_SALT)


def plain(code: str) -> str:
    """Return a typed code in its one form; something impossible if it is none."""
    kept = "".join(char for char in code[:64].lower() if char not in "- \t")
    return kept if len(kept) == _LENGTH and kept.isascii() and kept.isalnum() else "-"


async def derive_all(
    hashing: Hashing, codes: Sequence[str], salt: bytes
) -> tuple[bytes, ...]:
    """Return what is kept of the codes."""
    return tuple([await hashing.derive(plain(code), salt) for code in codes])


def store(
    tx: Transaction, user_id: str, salt: bytes, hashes: Sequence[bytes], now: int
) -> None:
    """Keep a new set; the old codes are dead."""
    remove(tx, user_id)
    tx.execute(
        "INSERT INTO recovery_sets (user_id, salt, created) VALUES (?, ?, ?)",
        (user_id, salt, now),
    )
    for one in hashes:
        tx.execute(
            "INSERT INTO recovery_codes (user_id, hash) VALUES (?, ?)", (user_id, one)
        )


def remove(tx: Transaction, user_id: str) -> None:
    """Remove the account's codes."""
    tx.execute("DELETE FROM recovery_codes WHERE user_id = ?", (user_id,))
    tx.execute("DELETE FROM recovery_sets WHERE user_id = ?", (user_id,))


def salt_of(reader: Reader, user_id: str) -> bytes:
    """Return the salt of the account's set."""
    row = reader.one("SELECT salt FROM recovery_sets WHERE user_id = ?", (user_id,))
    return row[0] if row is not None and isinstance(row[0], bytes) else NO_SALT


def left(reader: Reader, user_id: str) -> int:
    """Return how many codes are left."""
    row = reader.one(
        "SELECT count(*) FROM recovery_codes WHERE user_id = ?", (user_id,)
    )
    return 0 if row is None else number(row[0])


def use(tx: Transaction, user_id: str, hashed: bytes) -> bool:
    """Use a code up; False if there is none like it."""
    return (
        tx.execute(
            "DELETE FROM recovery_codes WHERE user_id = ? AND hash = ?",
            (user_id, hashed),
        )
        == 1
    )


def _shown(raw: bytes) -> str:
    text = base64.b32encode(raw).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))
