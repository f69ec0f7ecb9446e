"""Whether QUIC, and with it HTTP/3, is spoken at an address."""

from __future__ import annotations

import secrets
import socket

SECONDS = 1.5
TRIES = 3
"""Datagrams may get lost."""

_LONG = 0xC0  # long header and the fixed bit (RFC 9000 section 17.2)
_SMALLEST = 1200  # bytes, below which a server keeps silent (RFC 9000 section 14.1)
_GREASE = bytes.fromhex("1a2a3a4a")  # a version that no server knows (section 15)
_VERSION = 4  # bytes
_ID = 8  # bytes of a connection's id


def versions(address: str, port: int) -> tuple[int, ...]:
    """Return the versions of QUIC that are offered at *address*; none if it is silent.

    A first packet of an unknown version is answered with those that are known
    (RFC 9000 section 6.1), before any key is agreed on.
    """
    to, back = secrets.token_bytes(_ID), secrets.token_bytes(_ID)
    packet = bytes([_LONG]) + _GREASE + b"".join(bytes([_ID]) + x for x in (to, back))
    packet += bytes(_SMALLEST - len(packet))
    for _ in range(TRIES):
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(
                address, port, type=socket.SOCK_DGRAM
            )[0]
            with socket.socket(family, kind, protocol) as ours:
                ours.settimeout(SECONDS)
                ours.connect(where)
                ours.send(packet)
                return _offered(ours.recv(2048), to, back)
        except OSError:  # no answer in time, or "port unreachable"
            continue
    return ()


def _offered(answer: bytes, to: bytes, back: bytes) -> tuple[int, ...]:
    """Return the versions that a Version Negotiation packet lists (section 17.2.1)."""
    ids = b"".join(bytes([len(one)]) + one for one in (back, to))
    head = 1 + _VERSION
    if not answer or answer[0] < 0x80 or answer[1:head] != bytes(_VERSION):
        return ()
    if not answer[head:].startswith(ids):
        return ()
    listed = answer[head + len(ids) :]
    found = (listed[at : at + _VERSION] for at in range(0, len(listed), _VERSION))
    # Of the form 0x?a?a?a?a are those that mean nothing.
    return tuple(
        int.from_bytes(one) for one in found if any(byte & 0x0F != 0x0A for byte in one)
    )
