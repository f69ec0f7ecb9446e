"""Where a host is looked at from outside, and from which address one may misbehave."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from keepgate import lab

if TYPE_CHECKING:
    from deploys.edge import Target


def addresses(target: Target) -> list[str]:
    """Return the addresses of *target*, one of each family, as the inventory has it.

    A name is resolved; a host of the lab is known by both its addresses. No other
    address is ever scanned.
    """
    for host in _lab_hosts():
        if target.address == host.address4:
            return [host.address4, host.address6]
    try:
        return [str(ip_address(target.address))]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(target.address, target.port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    families = {family: str(where[0]) for family, _, _, _, where in reversed(found)}
    return list(families.values())


def attacker(target: Target) -> dict[str, Any] | None:
    """Return how to misbehave towards *target*: only for hosts of our own lab.

    The commands begin in a network namespace of the lab; without root there is no
    way to misbehave, and what would be seen counts as not observed.
    """
    if target.address not in {host.address4 for host in _lab_hosts()}:
        return None
    try:
        found = lab.attacker()
    except lab.LabError:
        return {"attacker": [], "attacker_address": ""}
    return {"attacker": list(found.prefix), "attacker_address": found.address4}


def _lab_hosts() -> list[lab.LabHost]:
    """Return the lab's hosts; another user's lab is none of ours."""
    try:
        return lab.listing()
    except lab.LabUsageError:
        return []
