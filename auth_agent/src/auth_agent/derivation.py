"""Keys for one purpose each, from the secret file's 32 bytes (HKDF, RFC 5869)."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def expand(secret: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes that tell nothing of *secret* or of other purposes' keys."""
    return HKDFExpand(hashes.SHA256(), 32, purpose).derive(secret)
