"""The limits, as data: how many tries in which time, for whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

_SECONDS = 1_000_000
_MINUTES = 60 * _SECONDS
_HOURS = 60 * _MINUTES
_DAYS = 24 * _HOURS


@dataclass(frozen=True)
class Limit:
    """At most *count* tries within any *micros*."""

    count: int
    micros: int


class Kind(StrEnum):
    """What is tried."""

    PASSWORD = "password"  # noqa: S105 - the name of a factor
    SECOND = "second"
    RESET = "reset"


ACCOUNT: dict[Kind, tuple[Limit, ...]] = {
    Kind.PASSWORD: (Limit(10, 5 * _MINUTES),),
    Kind.SECOND: (Limit(5, 5 * _MINUTES), Limit(20, _HOURS), Limit(50, _DAYS)),
    Kind.RESET: (Limit(5, _DAYS),),
}
"""For one account, from all browsers it does not know together; and for each
browser it knows, by itself."""

NETWORK: dict[Kind, tuple[Limit, ...]] = {
    Kind.PASSWORD: (Limit(10, 5 * _MINUTES),),
    Kind.SECOND: (Limit(10, 5 * _MINUTES), Limit(50, _HOURS)),
    Kind.RESET: (Limit(10, 5 * _MINUTES),),
}
"""For one network: an IPv4 address, or an IPv6 /64."""

GLOBAL: dict[Kind, tuple[Limit, ...]] = {
    Kind.PASSWORD: (Limit(1_000, 5 * _MINUTES),),
    Kind.SECOND: (Limit(1_000, 5 * _MINUTES),),
    Kind.RESET: (Limit(1_000, 5 * _MINUTES),),
}
"""For everybody; known browsers have one of their own."""

LONGEST = _DAYS
"""Tries older than this count nowhere."""

HARD_STOP = 100
"""So many consecutive failures disable a factor until it is unlocked or reset
(NIST SP 800-63B-4, section 3.2.2)."""

DELAY_AFTER = 5
"""From this consecutive failure on each is followed by a delay, twice the last one."""

LONGEST_DELAY = _HOURS

FOREVER = 2**62
"""The time until which a disabled factor is locked."""


def delay(failures: int) -> int:
    """Return how long the next try waits after so many failures in a row, at least.

    One second after the fifth, doubled by each further one up to an hour (NIST
    SP 800-63B-4, section 3.2.2), in microseconds. The lockout comes on top: the
    longer of the two counts.
    """
    if failures < DELAY_AFTER:
        return 0
    doubled: int = _SECONDS << min(failures - DELAY_AFTER, 12)
    return min(doubled, LONGEST_DELAY)


def network_of(ip: str) -> str:
    """Return the network that tries from *ip* are counted for.

    An IPv4 address inside an IPv6 one counts as itself. What is no address shares
    one network.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
