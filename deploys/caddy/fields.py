"""Single values of a site's settings, each checked and in one spelling only.

All of them end up in Caddy's configuration. Quoting is the template's business; here
nothing gets through that Caddy could take for a placeholder, or a client for two
things.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StrictInt, StrictStr

_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LONGEST_NAME: Final = 253  # RFC 1035 section 2.3.4
_LAST_PORT: Final = 65535
_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]*")
_PREFIX_CHARACTERS: Final = re.compile(r"[A-Za-z0-9._~!$&'()+,=:@/-]+")
_TOKEN: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_METHODS: Final = re.compile(r"\*|[A-Z]{1,20}(?: [A-Z]{1,20})*")
_PERMISSION: Final = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_EMAIL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@([A-Za-z0-9.-]+)")

PRIVATE_ENDINGS: Final = (
    *("corp", "example", "home", "home.arpa", "internal", "intranet", "invalid"),
    *("lan", "local", "localdomain", "localhost", "onion", "private", "test"),
)
"""Ends of names that no public authority certifies (RFC 6761, 6762, 7686, 8375)."""

# Hop by hop or framing (RFC 9110 section 7.6.1), or set by a setting of their own.
_TAKEN: Final = {
    *("connection", "content-length", "content-encoding", "date", "keep-alive"),
    *("location", "server", "set-cookie", "strict-transport-security", "te"),
    *("trailer", "transfer-encoding", "upgrade", "via"),
}

UNSEEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", "/proc")  # noqa: S108 - named because they are refused
"""Folders that the sandbox of Caddy's unit hides or replaces."""


class Kind(StrEnum):
    """What stands behind a site."""

    PORT = "port"
    SOCKET = "socket"
    FOLDER = "folder"


@dataclass(frozen=True)
class Place:
    """An upstream, taken apart: the port's number or the absolute path."""

    kind: Kind
    where: str


def host_name(text: str) -> str:
    """Return *text* if it is a host name in its plain form.

    Raises:
        ValueError: it is not (RFC 1123 section 2.1), says which form is meant.
    """
    plain = text.lower().removesuffix(".")
    if "://" in plain or "/" in plain or ":" in plain:
        message = "write the bare host name, without scheme, port or path"
        raise ValueError(message)
    if "*" in plain:
        message = "a site has one name; wildcards are refused"
        raise ValueError(message)
    labels = plain.split(".")
    if labels[-1].isdigit():
        message = "a site has a name, not an address"
        raise ValueError(message)
    if len(plain) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        message = f"{text[:60]!r} is no host name (RFC 1123)"
        raise ValueError(message)
    if plain != text:
        message = f"write the name in its plain form: {plain}"
        raise ValueError(message)
    return text


def is_private(name: str) -> bool:
    """Whether no public authority certifies the host *name*."""
    return "." not in name or any(name.endswith(f".{end}") for end in PRIVATE_ENDINGS)


def place(upstream: int | str) -> Place:
    """Return *upstream* taken apart.

    Raises:
        ValueError: it is no upstream; says what one is.
    """
    if isinstance(upstream, int):
        if not 1 <= upstream <= _LAST_PORT:
            message = f"port {upstream} is out of range; ports are 1 to {_LAST_PORT}"
            raise ValueError(message)
        return Place(Kind.PORT, str(upstream))
    kind, path = Kind.FOLDER, upstream
    if upstream.startswith("unix:"):
        kind, path = Kind.SOCKET, upstream.removeprefix("unix:")
    if not path.startswith("/"):
        message = (
            f"{upstream[:60]!r} is no upstream; write the number of a loopback port, "
            "`unix:/path/of/a.sock`, or the absolute path of a folder"
        )
        raise ValueError(message)
    if not _PATH.fullmatch(path) or posixpath.normpath(path) != path or path == "/":
        message = (
            f"{path[:60]!r} is no plain absolute path: letters, digits and `._-`, no "
            "`..`, no slash at the end"
        )
        raise ValueError(message)
    for hidden in UNSEEN:
        if path == hidden or path.startswith(f"{hidden}/"):
            message = f"Caddy's sandbox sees nothing of {hidden}; use /srv or /run"
            raise ValueError(message)
    return Place(kind, path)


def _upstream(value: int | str) -> int | str:
    place(value)
    return value


def prefix(text: str) -> str:
    """Return the path prefix *text* if it can be read in one way only.

    Raises:
        ValueError: it cannot; says why.
    """
    if not text.startswith("/"):
        message = f"{text[:60]!r} does not begin with /"
        raise ValueError(message)
    if "*" in text or "?" in text:
        message = (
            f"{text[:60]!r} has a wildcard or query; a path is a literal prefix that "
            "holds for everything below it"
        )
        raise ValueError(message)
    if {".", ".."} & set(text.split("/")) or "//" in text:
        message = f"{text[:60]!r} has an empty, `.` or `..` segment"
        raise ValueError(message)
    if not _PREFIX_CHARACTERS.fullmatch(text):
        message = f"{text[:60]!r} has a character that apps may read in two ways"
        raise ValueError(message)
    if text != "/" and text.endswith("/"):
        message = f"write {text.rstrip('/')}: it holds for everything below it, too"
        raise ValueError(message)
    return text


def _methods(text: str) -> str:
    if not _METHODS.fullmatch(text):
        message = f'{text[:60]!r} names no methods; write "*" or say "GET HEAD"'
        raise ValueError(message)
    return text


def _permission(text: str) -> str:
    if text not in {"public", "authenticated"} and not _PERMISSION.fullmatch(text):
        message = (
            f"{text[:60]!r} is no permission; write `area.action`, `authenticated` or "
            "`public`"
        )
        raise ValueError(message)
    return text


def _header(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        message = f"{text[:60]!r} is no name of a header: letters, digits and `-`"
        raise ValueError(message)
    if text.lower() in _TAKEN:
        message = f"the header {text} is not a site's to set"
        raise ValueError(message)
    return text


def _header_value(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable():
        message = "the value of a header is printable ASCII, and not empty"
        raise ValueError(message)
    if set(text) & set("{}`\\"):
        message = (
            "braces, backquotes and backslashes mean something to Caddy; let the app "
            "set this header"
        )
        raise ValueError(message)
    return text


def _email(text: str) -> str:
    found = _EMAIL.fullmatch(text)
    if found is None or "." not in found[1] or "" in found[1].split("."):
        message = f"{text[:60]!r} is no e-mail address; write one like ops@example.org"
        raise ValueError(message)
    return text


HostName = Annotated[
    StrictStr,
    AfterValidator(host_name),
    Field(title="host name", json_schema_extra={"examples": ["app.example.com"]}),
]
Upstream = Annotated[
    StrictInt | StrictStr,
    AfterValidator(_upstream),
    Field(
        title="port, `unix:` socket or folder",
        json_schema_extra={"examples": [8000, "unix:/run/app/app.sock", "/srv/www"]},
    ),
]
Prefix = Annotated[
    StrictStr,
    AfterValidator(prefix),
    Field(title="path prefix", json_schema_extra={"examples": ["/static"]}),
]
Methods = Annotated[StrictStr, AfterValidator(_methods), Field(title="methods")]
PermissionName = Annotated[
    StrictStr, AfterValidator(_permission), Field(title="permission")
]
HeaderName = Annotated[StrictStr, AfterValidator(_header), Field(title="header name")]
HeaderValue = Annotated[
    StrictStr, AfterValidator(_header_value), Field(title="header value")
]
Email = Annotated[
    StrictStr,
    AfterValidator(_email),
    Field(title="e-mail address", json_schema_extra={"examples": ["ops@example.org"]}),
]
