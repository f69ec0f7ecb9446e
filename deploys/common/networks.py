"""Networks in settings, written in one way only."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def canonical(text: str) -> str:
    """Return the network *text* in its one canonical spelling.

    A bare address is the network of that address alone.

    Raises:
        ValueError: *text* is no network, or has bits set behind its prefix.
    """
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        whole = ipaddress.ip_network(text, strict=False)
    except ValueError:
        message = (
            f"{text[:50]!r} is no network; write 192.0.2.0/24, 2001:db8::/32 or an "
            "address"
        )
        raise ValueError(message) from None
    message = f"{text} has host bits set; the network is {whole}"
    raise ValueError(message)


def contains(networks: tuple[str, ...], address: IPAddress) -> bool:
    """Whether *address* lies in one of *networks*; an IPv4-mapped one as IPv4."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(network) for network in networks)


Network = Annotated[
    str,
    AfterValidator(canonical),
    Field(
        title="network or address",
        json_schema_extra={"examples": ["192.0.2.0/24", "2001:db8::/32"]},
    ),
]
"""A setting that holds a network (CIDR) or an address, IPv4 or IPv6."""
