"""Which TCP ports of the host answer, seen from here.

A plain connect scan of the host's own addresses and nothing else: bounded in
ports, in connections at a time and in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMON = (
    *(1080, 1194, 1433, 1521, 1723, 1883, 2049, 2052, 2082, 2083, 2087, 2181, 2222),
    *(2375, 2376, 2379, 2380, 3000, 3128, 3306, 3389, 4000, 4222, 4369, 4443, 4444),
    *(4505, 4506, 5000, 5001, 5044, 5222, 5355, 5432, 5601, 5671, 5672, 5900, 5984),
    *(5985, 6000, 6379, 6443, 6667, 7000, 7001, 7077, 7199, 7474, 8000, 8001, 8006),
    *(8008, 8009, 8080, 8081, 8086, 8088, 8089, 8123, 8200, 8291, 8300, 8443, 8500),
    *(8529, 8765, 8834, 8880, 8888, 9000, 9001, 9042, 9090, 9091, 9092, 9100, 9200),
    *(9300, 9418, 9443, 9999, 10000, 10050, 10250, 10255, 11211, 15672, 16379, 25565),
    *(26257, 27017, 27018, 28015, 30000, 32400, 49152, 50000, 50070, 51820, 61616),
)
"""Ports above 1024 on which services that must not be public usually listen."""

_AT_ONCE = 400
_TIMEOUT = 1.2
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}


@dataclass(frozen=True)
class Scan:
    """What one address answered; *reachable* is False without a route to it.

    *refused* are ports that nobody listens on and no filter guards.
    """

    address: str
    scanned: int
    open: tuple[int, ...]
    refused: tuple[int, ...]
    silent: int
    reachable: bool = True


def ports(*further: int) -> tuple[int, ...]:
    """Return the ports that are tried: 1 to 1024, common ones, and *further*."""
    return tuple(sorted({*range(1, 1025), *COMMON, *further}))


async def scan(address: str, numbers: Iterable[int]) -> Scan:
    """Return which of the TCP ports *numbers* of *address* are open.

    *silent* counts those that never answered.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    wanted = tuple(numbers)
    found: dict[int, int | None] = {}

    async def probe(port: int) -> None:
        async with gate:
            found[port] = await _connect(address, port)

    await asyncio.gather(*(probe(port) for port in wanted))
    errors = set(found.values())
    if errors and errors <= _UNREACHABLE:
        return Scan(address, len(wanted), (), (), 0, reachable=False)

    def ended(error: int | None) -> tuple[int, ...]:
        return tuple(sorted(port for port in found if found[port] == error))

    return Scan(
        address,
        len(wanted),
        ended(0),
        ended(errno.ECONNREFUSED),
        len(ended(None)),
    )


async def _connect(address: str, port: int) -> int | None:
    """Return 0 when *port* accepts, the error number, or None for silence."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return None
    except OSError as error:
        return error.errno or errno.EIO
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return 0
