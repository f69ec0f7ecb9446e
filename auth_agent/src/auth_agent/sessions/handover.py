"""Codes that carry a login from the login host to a site: once, and soon."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth_agent.ids import random_token, token_hash

if TYPE_CHECKING:
    from auth_agent.clock import Clock

LIFETIME = 60.0
REMEMBERED = 600.0
"""Seconds for which a used code is still told from one that never was."""

PER_LOGIN = 50
"""Codes of one login that are remembered; the oldest gives way."""


@dataclass
class Code:
    """One code. *browser* is the SHA-256 of the site's binding cookie."""

    login_id: str
    host: str
    browser: bytes = field(repr=False)
    made: float
    spent: bool = False


class HandOver:
    """Kept in memory: a code does not outlive a restart, and need not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codes: dict[bytes, Code] = {}
        self._of: dict[str, list[bytes]] = {}

    def issue(self, login_id: str, host: str, browser: bytes) -> str:
        """Return a code that the browser with that binding can redeem at *host*."""
        token = random_token()
        key = token_hash(token)
        mine = self._of.setdefault(login_id, [])
        if len(mine) >= PER_LOGIN:
            self._codes.pop(mine.pop(0), None)
        mine.append(key)
        self._codes[key] = Code(login_id, host, browser, self._clock.monotonic())
        return token

    def redeem(self, token: str, host: str, browser_token: str) -> tuple[str, str]:
        """Return (login id, '') of a good code, or (login id or '', what is wrong).

        Whatever it is presented with, a code is spent by being presented.
        """
        code = self._codes.get(token_hash(token))
        if code is None:
            return "", "unknown"
        if code.spent:
            return code.login_id, "used_again"
        code.spent = True
        if self._clock.monotonic() - code.made >= LIFETIME:
            return code.login_id, "expired"
        if code.host != host:
            return code.login_id, "other_site"
        if not hmac.compare_digest(code.browser, token_hash(browser_token)):
            return code.login_id, "other_browser"
        return code.login_id, ""

    def purge(self) -> None:
        """Forget what is too old to matter."""
        now = self._clock.monotonic()
        old = [
            key for key, code in self._codes.items() if now - code.made >= REMEMBERED
        ]
        for key in old:
            login_id = self._codes.pop(key).login_id
            mine = self._of[login_id]
            mine.remove(key)
            if not mine:
                del self._of[login_id]
