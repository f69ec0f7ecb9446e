"""The text of a key: `kgk_`, 256 random bits, and a checksum.

The prefix lets scanners find leaked keys, the checksum lets them (and us) tell a key
from a typing mistake without asking anybody.
"""

from __future__ import annotations

import re
import secrets
import zlib

PREFIX = "kgk_"
SHOWN = len(PREFIX) + 6
"""How much of a key lists show; 36 of its 256 bits."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK_LENGTH = 6
_KEY = re.compile(r"kgk_([A-Za-z0-9_-]{43})([0-9A-Za-z]{6})")


def new_key() -> str:
    """Return a new key."""
    body = secrets.token_urlsafe(32)
    return PREFIX + body + _checksum(body)


def is_key(text: str) -> bool:
    """Whether *text* is a key whose checksum is right."""
    match = _KEY.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def shown(key: str) -> str:
    """Return the beginning of a key, by which its owner tells it from others."""
    return key[:SHOWN]


def _checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK_LENGTH):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
