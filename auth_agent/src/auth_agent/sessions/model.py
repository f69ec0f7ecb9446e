"""What the process remembers of accounts that are logged in.

Plain slotted objects: the gate reads them on every request. Only `Sessions`, `Keys`
and `People` change them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from auth_agent.sessions.assertions import HEADER, Told

HEADER_NAMES = (
    "remote-user",
    "remote-id",
    "remote-name",
    "remote-email",
    "remote-role",
    "remote-permissions",
    "remote-auth",
    "remote-session",
)
"""Every identity header; each stands on every 2xx of the gate, empty if unknown."""

ANONYMOUS: list[tuple[str, str]] = [(name, "") for name in HEADER_NAMES]
NOBODY_ASSERTED = [*ANONYMOUS, (HEADER, "")]
"""What a site with assertions is told of nobody."""

HASH_PREFIX = 12
"""How many hex digits of a session's hash apps and records are told."""


class Owes(StrEnum):
    """What a login must do before anything else."""

    NOTHING = ""
    CHANGE_PASSWORD = "change-password"  # noqa: S105 - the name of a duty
    ENROL = "enrol"


@dataclass(slots=True, eq=False)
class Account:
    """A user with a live login or key: shared by all of them."""

    id: str
    name: str
    display_name: str
    email: str
    role: str
    permissions: frozenset[str]
    active: bool = True
    # Tuples: most hold one or nothing, and there are tens of thousands of them.
    logins: tuple[Login, ...] = field(default=(), repr=False)
    keys: tuple[LiveKey, ...] = field(default=(), repr=False)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the identity headers that depend on the account alone."""
        return (
            ("remote-user", self.name),
            ("remote-id", self.id),
            ("remote-name", header_value(self.display_name)),
            ("remote-email", self.email) if self.email else _NO_EMAIL,
            _shared("remote-role", self.role),
            _permissions(self.permissions),
        )


@dataclass(slots=True, eq=False)
class Login:
    """One login. *deadline*, *seen* and *stepped_up* are monotonic seconds.

    *owes* names what must be done before anything else (`change-password`,
    `enrol`); the gate lets such a login nowhere. *stale*: the login host gives it a
    new token at the next visit.
    """

    id: str
    hash: bytes = field(repr=False)
    account: Account
    deadline: float
    seen: float
    stepped_up: float
    methods: str
    owes: str
    headers: list[tuple[str, str]] = field(repr=False)
    sites: tuple[SiteSession, ...] = field(default=(), repr=False)
    dirty: bool = False
    stale: bool = False


@dataclass(slots=True, eq=False)
class SiteSession:
    """A login's session at one site; a cookie stolen from it opens no other."""

    hash: bytes = field(repr=False)
    login: Login
    host: str
    told: Told | None = field(default=None, repr=False)


@dataclass(slots=True, eq=False)
class LiveKey:
    """An API key; *deadline* is monotonic seconds.

    *permissions* are its scopes as far as its owner still has them.
    """

    id: str
    hash: bytes = field(repr=False)
    account: Account
    name: str
    scopes: frozenset[str]
    permissions: frozenset[str]
    networks: tuple[Network, ...]
    paths: tuple[tuple[str, str], ...]
    deadline: float
    headers: list[tuple[str, str]] = field(repr=False)
    used: bool = False
    told: dict[str, Told] = field(default_factory=dict, repr=False)
    """The last assertion for each site."""


@dataclass(slots=True, frozen=True)
class Network:
    """An address range, as integers, so that a look-up costs two comparisons."""

    version: int
    first: int
    last: int


def login_headers(login: Login) -> list[tuple[str, str]]:
    """Return the identity headers of *login*."""
    user, identity, name, email, role, permissions = login.account.headers()
    auth = _shared("remote-auth", login.methods)
    session = ("remote-session", login.hash.hex()[:HASH_PREFIX])
    # Written out, the list is as long as it must be, and no longer.
    return [user, identity, name, email, role, permissions, auth, session]


def key_headers(key: LiveKey) -> list[tuple[str, str]]:
    """Return the identity headers of an API key: its owner's, with its scopes.

    Without the role: an app that goes by it would let a key do more than its scopes.
    """
    own = dict(key.account.headers())
    own["remote-role"] = ""
    own["remote-permissions"] = _permissions(key.permissions)[1]
    return [*own.items(), ("remote-auth", "api_key"), ("remote-session", "")]


_NO_EMAIL = ("remote-email", "")


@lru_cache(maxsize=256)
def _shared(name: str, value: str) -> tuple[str, str]:
    """Return a header that many logins have in common, once in memory."""
    return name, value


@lru_cache(maxsize=256)
def _permissions(permissions: frozenset[str]) -> tuple[str, str]:
    return "remote-permissions", ",".join(sorted(permissions))


def header_value(text: str) -> str:
    """Return *text* so that any server takes it as a header value (RFC 9110, 5.5).

    Characters beyond printable ASCII are percent-encoded as UTF-8, and so is `%`
    itself: decoded once (`urllib.parse.unquote`), the value is *text* again.
    """
    if text.isascii() and text.isprintable() and "%" not in text:
        return text
    return "".join(
        char
        if " " <= char <= "~" and char != "%"
        else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in text
    )
