"""What the trusted proxy says of a request; nothing the client says is taken."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from auth_agent.authz.paths import Unreadable
from auth_agent.callers import Client
from auth_agent.ids import random_id

Every = Callable[[str], Sequence[str]]
"""Returns all values of a header, whose name is in lower case."""


def one(every: Every, name: str) -> str:
    """Return the only value of header *name*.

    Raises:
        Unreadable: it is not there, or more than once.
    """
    values = every(name)
    if len(values) != 1:
        message = f"the header {name} must be there once"
        raise Unreadable(message)
    return values[0]


def at_most_one(every: Every, name: str) -> str:
    """Return the only value of header *name*, empty without it.

    Raises:
        Unreadable: it is there more than once.
    """
    values = every(name)
    if len(values) > 1:
        message = f"the header {name} is there more than once"
        raise Unreadable(message)
    return values[0] if values else ""


def address(every: Every, peer: str) -> str:
    """Return the client's address: the proxy's single X-Forwarded-For, else *peer*.

    Raises:
        Unreadable: the header is no single address.
    """
    value = at_most_one(every, "x-forwarded-for") or peer
    if not value:
        return ""
    try:
        return str(ipaddress.ip_address(value.strip(" ")))
    except ValueError as error:
        message = "X-Forwarded-For is no single address"
        raise Unreadable(message) from error


def client_of(every: Every, *, host: str, peer: str, device: str = "") -> Client:
    """Return who is at the other end.

    Raises:
        Unreadable: the proxy's headers cannot be read in one way.
    """
    agents = every("user-agent")
    return Client(
        ip=address(every, peer),
        user_agent=agents[0][:256] if agents else "",
        request_id=random_id(),
        host=host,
        device=device,
    )
