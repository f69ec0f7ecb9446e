"""Codes of an authenticator app (RFC 6238): SHA-1, 6 digits, 30 seconds."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import pyotp

from auth_agent.accounts.rows import number

if TYPE_CHECKING:
    from auth_agent.core import Core
    from auth_agent.storage.store import Reader, Transaction

STEP = 30
DIGITS = 6
SECRET_LENGTH = 32
"""In base32: 160 bits (RFC 4226, section 4, R6)."""

_WINDOW = (0, -1, 1)
"""A step to either side, for slow fingers and clocks: a documented deviation."""


def new_secret() -> str:
    """Return a new secret in base32."""
    return pyotp.random_base32(SECRET_LENGTH)


def uri(secret: str, *, name: str, issuer: str) -> str:
    """Return what the QR code holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def counter_now(core: Core) -> int:
    """Return the number of the current time step."""
    return int(core.clock.now().timestamp()) // STEP


def matching_counter(secret: str, code: str, now: int) -> int | None:
    """Return the time step around *now* whose code *code* is, if any.

    All steps are compared, in constant time each.
    """
    typed = "".join(code.split())
    found: int | None = None
    right_form = len(typed) == DIGITS and typed.isascii() and typed.isdigit()
    generator = pyotp.TOTP(secret)
    for offset in _WINDOW:
        expected = generator.generate_otp(max(0, now + offset))
        same = hmac.compare_digest(expected.encode(), typed.encode("utf-8", "replace"))
        if same and right_form and found is None:
            found = now + offset
    return found


def secret_of(core: Core, reader: Reader, user_id: str) -> str | None:
    """Return the account's secret, opened."""
    row = reader.one("SELECT key_id, sealed FROM totp WHERE user_id = ?", (user_id,))
    if row is None or not isinstance(row[1], bytes):
        return None
    return core.sealing.open(user_id, str(row[0]), row[1]).decode()


def use_counter(tx: Transaction, user_id: str, counter: int) -> bool:
    """Mark the time step as used; False if it, or a later one, was used before."""
    touched = tx.execute(
        "UPDATE totp SET last_counter = ? WHERE user_id = ? AND last_counter < ?",
        (counter, user_id, counter),
    )
    return touched == 1


def was_used(reader: Reader, user_id: str, counter: int) -> bool:
    """Whether the time step, or a later one, was used before."""
    row = reader.one("SELECT last_counter FROM totp WHERE user_id = ?", (user_id,))
    return row is not None and number(row[0]) >= counter
