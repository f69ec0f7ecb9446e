"""Messages between the parent and the zygote."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from keepgate.engine import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of one channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_message_arrives(pair: Pair) -> None:
    """A message is what was sent, without a descriptor if there was none."""
    wire.send(pair[0], {"text": "ü\n", "number": 1})

    assert ({"text": "ü\n", "number": 1}, None) == wire.receive(pair[1])


def test_descriptor_travels_along(pair: Pair) -> None:
    """A descriptor arrives as one that refers to the same pipe."""
    reader, writer = os.pipe()
    try:
        wire.send(pair[0], {}, writer)
        _, received = wire.receive(pair[1])
        assert received is not None
        os.write(received, b"hello")
        os.close(received)
        assert b"hello" == os.read(reader, 5)
    finally:
        os.close(reader)
        os.close(writer)


def test_other_side_closed(pair: Pair) -> None:
    """A channel that was closed is told, whether one reads or writes."""
    pair[1].close()

    with pytest.raises(wire.ClosedError):
        wire.receive(pair[0])
    with pytest.raises(wire.ClosedError):
        wire.send(pair[0], {})


def test_closed_in_the_middle(pair: Pair) -> None:
    """Half a message is no message."""
    pair[0].sendall(b"\0\0\0\x10{")
    pair[0].close()

    with pytest.raises(wire.ClosedError, match="middle"):
        wire.receive(pair[1])
