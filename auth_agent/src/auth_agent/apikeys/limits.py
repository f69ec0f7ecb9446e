"""From where, and for what, a key may be used."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from auth_agent.authz.paths import Unreadable, clean_host, clean_path
from auth_agent.errors import InvalidInputError
from auth_agent.sessions.model import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 20
"""Networks, and paths, that one key names at most."""


def networks_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return *texts* as networks in their plain form.

    Raises:
        InvalidInputError: one is none, or there are too many.
    """
    try:
        plain = tuple(str(ipaddress.ip_network(text.strip())) for text in texts)
    except ValueError as error:
        message = f"that is no network: {error}"
        raise InvalidInputError(
            message, field="networks", fix="give them like 192.0.2.0/24"
        ) from error
    return _few(plain, "networks")


def paths_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return *texts* (`host/prefix`) in their plain form.

    Raises:
        InvalidInputError: one is none, or there are too many.
    """
    plain = []
    for text in texts:
        host, slash, rest = text.strip().partition("/")
        try:
            path = clean_path(slash + rest) if slash else "/"
            plain.append(clean_host(host) + (path.rstrip("/") or "/"))
        except Unreadable as error:
            message = f"that is no host and path: {error}"
            raise InvalidInputError(
                message, field="paths", fix="give them like app.example.com/reports"
            ) from error
    return _few(tuple(plain), "paths")


def live_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return plain networks as the gate compares them."""
    found = []
    for text in texts:
        network = ipaddress.ip_network(text)
        first, last = int(network.network_address), int(network.broadcast_address)
        found.append(Network(network.version, first, last))
    return tuple(found)


def live_paths(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return plain paths as (host, prefix)."""
    return tuple(
        (host, "/" + rest) for host, _, rest in (t.partition("/") for t in texts)
    )


def within_networks(networks: tuple[Network, ...], ip: str) -> bool:
    """Whether *ip* lies in one of *networks*; without any, everything does."""
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    number, version = int(address), address.version
    return any(
        one.version == version and one.first <= number <= one.last for one in networks
    )


def within_paths(paths: tuple[tuple[str, str], ...], host: str, path: str) -> bool:
    """Whether a clean *host* and *path* lie at or below one of *paths*."""
    return not paths or any(
        host == named and (prefix in {"/", path} or path.startswith(prefix + "/"))
        for named, prefix in paths
    )


def _few(plain: tuple[str, ...], field: str) -> tuple[str, ...]:
    if len(plain) > MOST:
        message = f"more than {MOST} {field}"
        raise InvalidInputError(message, field=field, fix="make a second key")
    return plain
