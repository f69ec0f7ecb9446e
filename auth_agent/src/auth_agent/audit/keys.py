"""The log's two keys: one for the chain, one that signs checkpoints."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from auth_agent.derivation import expand


@dataclass(frozen=True)
class AuditKeys:
    """Derived from the agent's secret; *id* names the signing key in records."""

    mac_key: bytes
    signer: Ed25519PrivateKey
    id: str

    def sign(self, text: bytes) -> str:
        """Return the Ed25519 signature (RFC 8032) of *text* in hex."""
        return self.signer.sign(text).hex()

    def verifies(self, text: bytes, signature: str) -> bool:
        """Whether *signature* is this key's signature of *text*."""
        return verifies(self.signer.public_key(), text, signature)


def derive(secret: bytes) -> AuditKeys:
    """Return the log's keys, derived from *secret* (32 bytes) by HKDF (RFC 5869)."""
    mac_key = expand(secret, b"keepgate audit chain")
    signer = Ed25519PrivateKey.from_private_bytes(
        expand(secret, b"keepgate audit sign")
    )
    public = signer.public_key().public_bytes_raw()
    return AuditKeys(mac_key, signer, hashlib.sha256(public).hexdigest()[:16])


def verifies(public: Ed25519PublicKey, text: bytes, signature: str) -> bool:
    """Whether *signature* (hex) is *public*'s signature of *text*."""
    try:
        public.verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True
