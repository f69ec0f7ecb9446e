"""How large a picture is, by its head (RFC 9649)."""

from __future__ import annotations

_SIMPLE, _EXTENDED = b"VP8 ", b"VP8X"


def size(data: bytes) -> tuple[int, int]:
    """Return width and height of a lossy WebP in pixels."""
    assert (b"RIFF", b"WEBP") == (data[:4], data[8:12])
    assert len(data) == int.from_bytes(data[4:8], "little") + 8
    if data[12:16] == _EXTENDED:
        return _number(data[24:27]) + 1, _number(data[27:30]) + 1
    assert data[12:16] == _SIMPLE
    return _number(data[26:28]) & 0x3FFF, _number(data[28:30]) & 0x3FFF


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
