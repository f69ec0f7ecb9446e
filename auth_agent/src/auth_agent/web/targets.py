"""Where a browser returns to after the login: signed, and only to our sites."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from auth_agent.authz.paths import Unreadable, clean_host, clean_path

MAX_URI = 1_500
"""Longest request target that is returned to; a longer one leads to `/`."""

LIFETIME = 3_600
"""Seconds for which a return target holds: as long as a login may take."""

_WORD = re.compile(r"[A-Za-z0-9_-]+")
_MAC = 16
_PARTS = 4


@dataclass(frozen=True)
class Target:
    """A place at a site; *browser* is the SHA-256 of its binding cookie, in hex."""

    host: str
    uri: str
    browser: str


class Targets:
    """Signs and reads return targets; *key* is secret, *now* gives wall seconds."""

    def __init__(self, key: bytes, now: Callable[[], float]) -> None:
        self._key = key
        self._now = now

    def sign(self, target: Target) -> str:
        """Return *target* as one URL-safe word that only this agent can make."""
        uri = target.uri if len(target.uri) <= MAX_URI else "/"
        text = f"{int(self._now())}\n{target.host}\n{target.browser}\n{uri}".encode()
        return base64.urlsafe_b64encode(self._mac(text) + text).decode().rstrip("=")

    def read(self, word: str) -> Target | None:
        """Return the target that *word* says; None if it is not ours, or too old."""
        data = _decoded(word)
        mac, text = data[:_MAC], data[_MAC:]
        if not hmac.compare_digest(mac, self._mac(text)):
            return None
        parts = text.decode().split("\n", _PARTS - 1)
        if len(parts) != _PARTS or abs(self._now() - int(parts[0])) > LIFETIME:
            return None
        target = Target(host=parts[1], browser=parts[2], uri=parts[3])
        try:
            if clean_host(target.host) != target.host:
                return None
            clean_path(target.uri)
        except Unreadable:
            return None
        return target

    def _mac(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, sha256)[:_MAC]


def _decoded(word: str) -> bytes:
    """Return what *word* holds, empty for none; it has one spelling only."""
    if not _WORD.fullmatch(word):
        return b""  # the decoder would pass over what is none of its letters
    try:
        return base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
    except ValueError:
        return b""
