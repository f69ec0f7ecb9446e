"""A request as granian gives it, and who is at its other end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from auth_agent.callers import Client
from auth_agent.web.forwarded import client_of


class HeaderMap(Protocol):
    """A request's headers, as granian gives them."""

    def get(self, key: str) -> object:
        """Return the first value, or None."""
        ...

    def get_all(self, key: str) -> Sequence[str]:
        """Return all values."""
        ...

    def __contains__(self, key: str) -> bool:
        """Whether there is such a header; the cheapest question."""
        ...


class Scope(Protocol):
    """A request, as granian gives it."""

    method: str
    path: str
    client: str

    @property
    def headers(self) -> HeaderMap:
        """The headers."""
        ...


def client_at(scope: Scope, host: str) -> Client:
    """Return who asks, as the proxy says.

    Raises:
        Unreadable: the proxy's headers cannot be read in one way.
    """
    every = scope.headers.get_all
    return client_of(every, host=host, peer=peer(scope.client))


def peer(client: str) -> str:
    """Return the address of granian's `host:port`, empty for a unix socket."""
    return client.rpartition(":")[0].strip("[]") if ":" in client else ""
