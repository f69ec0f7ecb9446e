"""The one form of a request's path, host and method in which rules are matched.

What a server behind the gate may read in two ways is not normalised but refused:
a rule must never be matched on one reading and the app serve another (CVE-2026-27587,
CVE-2025-54576, GHSA-6384-m2mw-rf54).
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_URI = 8192
"""Longest request target in characters."""

MAX_HOST = 253
"""Longest host name (RFC 1035, section 2.3.4, as text)."""

_PORT_DIGITS = 5

_HEX = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REFUSED = re.compile(r"[\x00-\x20\x7f\\;]")
_HOST = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)
_METHOD = re.compile(r"[A-Z]{1,20}")


class Unreadable(ValueError):
    """A request that cannot be read in exactly one way; it is refused."""


def clean_path(uri: str) -> str:
    """Return the decoded path of request target *uri*, without query.

    Guaranteed of the answer: it begins with one `/`, holds no empty, `.` or `..`
    segment, no backslash, semicolon or control character, and decoding it again
    changes nothing. A trailing slash is kept.

    Raises:
        Unreadable: anything else, and whatever is no origin-form target
            (RFC 9112, section 3.2.1).
    """
    if not uri.startswith("/") or len(uri) > MAX_URI:
        message = "the request target is not a path"
        raise Unreadable(message)
    if not uri.isprintable():
        # Not even in a query: it is signed and written down, too.
        message = "the request target has an unprintable character"
        raise Unreadable(message)
    raw = uri.partition("?")[0]
    if "#" in raw:
        message = "the request target has a fragment"
        raise Unreadable(message)
    path = _decode(raw) if "%" in raw else raw
    if not path.isascii():
        _check_text(path)
    if _REFUSED.search(path):
        message = "the path has a blank, control character, backslash or semicolon"
        raise Unreadable(message)
    if "//" in path or "/./" in path or "/../" in path or path.endswith(("/.", "/..")):
        message = "the path has an empty or dot segment"
        raise Unreadable(message)
    return path


def _decode(raw: str) -> str:
    if _STRAY.search(raw):
        message = "the path has a stray percent sign"
        raise Unreadable(message)
    try:
        data = _HEX.sub(lambda hit: chr(int(hit[1], 16)), raw).encode("latin-1")
        path = data.decode("utf-8")
    except UnicodeError as error:
        message = "the path is not UTF-8"
        raise Unreadable(message) from error
    if "%" in path or path.count("/") != raw.count("/"):
        message = "the path hides a percent sign or a slash"
        raise Unreadable(message)
    return path


def _check_text(path: str) -> None:
    # C1 controls, line separators and bidirectional marks have no place in a path.
    if any(not char.isprintable() for char in path):
        message = "the path has an unprintable character"
        raise Unreadable(message)


@lru_cache(maxsize=256)
def clean_host(value: str) -> str:
    """Return the host name of a Host header: lower case, no port, no final dot.

    IP literals are refused: a site has a name.

    Raises:
        Unreadable: the value is no host name (RFC 1123, section 2.1), or its port
            is none.
    """
    host, colon, port = value.lower().partition(":")
    if colon and not (port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS):
        message = "the host's port is no number"
        raise Unreadable(message)
    host = host.removesuffix(".")
    if len(host) > MAX_HOST or not _HOST.fullmatch(host):
        message = "the host is no host name"
        raise Unreadable(message)
    return host


@lru_cache(maxsize=64)
def clean_method(value: str) -> str:
    """Return *value* if it is a method in capital letters.

    Raises:
        Unreadable: it is not.
    """
    if not _METHOD.fullmatch(value):
        message = "the method is no word in capital letters"
        raise Unreadable(message)
    return value
