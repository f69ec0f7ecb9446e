"""What parent and zygote say to each other: JSON messages, some with a descriptor."""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LENGTH: Final = struct.Struct("!I")


class ClosedError(Exception):
    """The other side is gone."""


def send(
    channel: socket.socket, message: Mapping[str, Any], descriptor: int | None = None
) -> None:
    """Send *message*, and with it a copy of *descriptor*.

    Raises:
        ClosedError: nobody is there to receive it.
    """
    body = json.dumps(message).encode()
    head = _LENGTH.pack(len(body))
    try:
        if descriptor is None:
            channel.sendall(head + body)
        else:
            sent = socket.send_fds(channel, [head], [descriptor])
            channel.sendall(head[sent:] + body)
    except OSError as error:
        raise ClosedError(str(error)) from error


def receive(channel: socket.socket) -> tuple[dict[str, Any], int | None]:
    """Return the next message and the descriptor that came with it, if any.

    Raises:
        ClosedError: the other side has closed, or died.
    """
    try:
        head, descriptors, _, _ = socket.recv_fds(channel, _LENGTH.size, 1)
        head += _exactly(channel, _LENGTH.size - len(head)) if head else b""
        if not head:
            message = "closed"
            raise ClosedError(message)
        body = _exactly(channel, _LENGTH.unpack(head)[0])
    except OSError as error:
        raise ClosedError(str(error)) from error
    return json.loads(body), descriptors[0] if descriptors else None


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = channel.recv(size - len(data))
        if not more:
            message = "closed in the middle of a message"
            raise ClosedError(message)
        data += more
    return data
