"""The gate's word on who asks, signed: for apps that a local process could reach.

A JWT (RFC 7519) with an Ed25519 signature (RFC 8037) for one site. It says what the
identity headers say, and holds for two minutes: an app that checks it takes nobody's
word but the gate's. It names who asks, not what for; whoever sees one can show it to
the same app until it ends.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_agent.derivation import expand

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = "remote-assertion"
"""Stands on every 2xx for a site with `assertion = true`; empty for nobody."""

TYPE = "gate+jwt"
"""So that no other JWT is taken for one of these (RFC 8725, section 3.11)."""

LIFETIME = 120
"""Seconds for which an assertion holds."""

RENEWED_AFTER = 60
"""Seconds for which one is handed out; it is good for as long again at least."""

Headers = list[tuple[str, str]]


@dataclass(slots=True, frozen=True)
class Told:
    """An assertion for one bearer at one site, made from the identity *base*.

    *headers* are *base* and the assertion; they are handed out from *since* until
    *until*, in wall seconds, while the identity is that very list.
    """

    base: Headers = field(repr=False)
    headers: Headers = field(repr=False)
    since: float
    until: float


class Assertions:
    """Signs for an issuer, the login host's origin; *now* gives wall seconds."""

    def __init__(self, secret: bytes, issuer: str, now: Callable[[], float]) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(
            expand(secret, b"keepgate assertions")
        )
        self._issuer = issuer
        self._now = now
        x = _word(self._key.public_key().public_bytes_raw())
        public = {"crv": "Ed25519", "kty": "OKP", "x": x}
        kid = _word(sha256(_json(public)).digest())  # RFC 7638
        use = {"alg": "EdDSA", "kid": kid, "use": "sig"}
        self.key_set = _json({"keys": [public | use]})
        """The public key, as a JWK Set (RFC 7517)."""
        self._head = _word(_json({"alg": "EdDSA", "kid": kid, "typ": TYPE}))

    def told(self, last: Told | None, base: Headers, host: str) -> Told:
        """Return *last* while it may be handed out, else a new one for *host*.

        An identity that changes is another list, and a clock that was set is noticed:
        neither leaves an assertion of before in use.
        """
        now = self._now()
        if last is not None and last.base is base and last.since <= now < last.until:
            return last
        headers = [*base, (HEADER, self._sign(base, host, int(now)))]
        return Told(base, headers, now, now + RENEWED_AFTER)

    def _sign(self, base: Headers, host: str, now: int) -> str:
        said = {name.removeprefix("remote-"): value for name, value in base}
        claims: dict[str, str | int] = {
            **said,
            "iss": self._issuer,
            "aud": host,
            "sub": said["id"],
            "iat": now,
            "exp": now + LIFETIME,
        }
        text = f"{self._head}.{_word(_json(claims))}"
        return f"{text}.{_word(self._key.sign(text.encode()))}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _word(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
