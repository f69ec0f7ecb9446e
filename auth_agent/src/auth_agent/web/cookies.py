"""The agent's cookies: host-only, secure, opaque, one meaning each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from auth_agent.authz.paths import Unreadable

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 random bits as `random_token` writes them."""

_USUAL = re.compile(r"=([A-Za-z0-9_-]{43})(?:; |\Z)")

MAX_HEADER = 16_384
"""Longest Cookie header that is read."""


class Cookie(StrEnum):
    """Every cookie that the agent sets. `__Host-` ties each to one host and to TLS."""

    SITE = "__Host-auth-site"
    """A login's session at one site; the gate reads it."""
    LOGIN = "__Host-auth-login"
    """The login itself, at the login host."""
    STEP = "__Host-auth-step"
    """A login that waits for its second factor."""
    DEVICE = "__Host-auth-device"
    """Who logged in from this browser before."""
    BIND = "__Host-auth-bind"
    """Ties a handed-over session to the browser that asked for it."""
    FORM = "__Host-auth-form"
    """Ties a form to the browser that was given it, before there is a login."""


def find(headers: Sequence[str], name: str) -> str:
    """Return the token that cookie *name* holds, empty without that cookie.

    Raises:
        Unreadable: there are several Cookie headers or several cookies of that
            name, or its value is no token.
    """
    if not headers:
        return ""
    if len(headers) > 1 or len(headers[0]) > MAX_HEADER:
        message = "the Cookie header is there twice or too long"
        raise Unreadable(message)
    raw = headers[0]
    before, there, rest = raw.partition(name)
    if not there:
        return ""
    # As browsers send it: once, between "; ", in the form that we have set.
    usual = _USUAL.match(rest)
    if usual and name not in rest and (not before or before.endswith("; ")):
        return usual[1]
    found = ""
    for part in raw.split(";"):
        key, _, value = part.strip(" ").partition("=")
        if key == name:
            if found or not _TOKEN.fullmatch(value):
                message = f"the cookie {name} is there twice or no token"
                raise Unreadable(message)
            found = value
    return found


def set_cookie(name: str, value: str, *, seconds: int) -> str:
    """Return the Set-Cookie header that keeps *value* for *seconds*."""
    return f"{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def clear_cookie(name: str) -> str:
    """Return the Set-Cookie header that removes a cookie."""
    return set_cookie(name, "", seconds=0)
