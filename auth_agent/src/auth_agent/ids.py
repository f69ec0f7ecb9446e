"""Random identifiers and tokens, and the only forms in which they are kept."""

from __future__ import annotations

import base64
import hashlib
import secrets


def random_id() -> str:
    """Return 128 random bits as 26 lower-case letters and digits (base32)."""
    encoded = base64.b32encode(secrets.token_bytes(16)).decode()
    return encoded.rstrip("=").lower()


def random_token() -> str:
    """Return 256 random bits as 43 URL-safe characters; a secret."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return the SHA-256 by which a 256-bit token is stored and found.

    A fast hash is enough: nobody guesses 256 random bits.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
