"""Counting what crosses the wire: connections, channels and bytes of a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import paramiko
from paramiko.packet import Packetizer

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass
class Meter:
    """Totals since the process began."""

    connections: int = 0
    channels: int = 0
    received: int = 0
    sent: int = 0

    def copy(self) -> Meter:
        """Return the totals as they are now."""
        return Meter(self.connections, self.channels, self.received, self.sent)


METER = Meter()

MOST: Final = 16_000_000
"""Bytes that a process takes from its host. A run needs half a million; what goes on
and on would fill our memory, at ten times its size."""


def install() -> None:
    """Count every later paramiko connection of this process, and end it at `MOST`.

    Call once.
    """
    begin, opened = paramiko.Transport.__init__, paramiko.Transport.open_channel
    read, write = Packetizer.read_all, Packetizer.write_all

    @wraps(begin)
    def counting_begin(self: paramiko.Transport, *args: Any, **kwargs: Any) -> None:
        METER.connections += 1
        begin(self, *args, **kwargs)

    @wraps(opened)
    def counting_open(
        self: paramiko.Transport, *args: Any, **kwargs: Any
    ) -> paramiko.Channel:
        METER.channels += 1
        return opened(self, *args, **kwargs)

    @wraps(read)
    def counting_read(self: Packetizer, *args: Any, **kwargs: Any) -> bytes:
        data: bytes = read(self, *args, **kwargs)
        METER.received += len(data)
        if METER.received > MOST:
            message = f"the host says more than the {MOST // 1_000_000} MB that we take"
            raise paramiko.SSHException(message)
        return data

    @wraps(write)
    def counting_write(self: Packetizer, out: Buffer) -> None:
        METER.sent += memoryview(out).nbytes
        write(self, out)

    paramiko.Transport.__init__ = counting_begin  # type: ignore[method-assign]
    paramiko.Transport.open_channel = counting_open  # type: ignore[method-assign]
    Packetizer.read_all = counting_read  # type: ignore[method-assign]
    Packetizer.write_all = counting_write  # type: ignore[method-assign]
