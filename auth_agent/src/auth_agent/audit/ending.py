"""Where a log ends: its last whole record, and what a crash left behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from auth_agent.audit import chain, segments
from auth_agent.audit.chain import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

NOWHERE = Place()
"""The place before the first record."""

LOOK_BACK = 64
"""How many lines at the end may be torn; a crash leaves one or two."""


@dataclass(frozen=True)
class Ending:
    """The end of a log.

    *torn* is what stands behind the last whole record, without the last newline;
    *open* says that this newline is missing.
    """

    place: Place = NOWHERE
    torn: bytes = b""
    open: bool = False


class _Head(msgspec.Struct):
    seq: int
    prev: str


def find(found: Sequence[segments.Segment], key: bytes) -> Ending:
    """Return how the log in *found* ends.

    Only what is no complete record counts as torn. A complete one that is not the
    log's own is somebody's forgery.

    Raises:
        BrokenChainError: the last complete record's mac does not match, or there is
            nothing but torn lines.
    """
    torn: list[bytes] = []
    unfinished = False
    for segment in reversed(found):
        lines = segments.tail(segment.path, LOOK_BACK)
        if lines and segment is found[-1]:
            unfinished = not lines[-1].endswith(b"\n")
        for line in reversed(lines):
            text = line.removesuffix(b"\n")
            if chain.complete(text):
                return Ending(place_of(text, key), b"\n".join(torn[::-1]), unfinished)
            torn.append(text)
        if len(lines) >= LOOK_BACK:
            raise chain.BrokenChainError(0, "the log's end holds no record")
    return Ending(Place(), b"\n".join(torn[::-1]), unfinished)


def place_of(line: bytes, key: bytes) -> Place:
    """Return the place of *line*, taking its own word for its predecessor.

    Raises:
        BrokenChainError: it is no record of this log.
    """
    try:
        head = msgspec.json.decode(line, type=_Head)
    except msgspec.DecodeError as error:
        raise chain.BrokenChainError(0, "the last line is no audit record") from error
    return chain.follow(line, Place(head.seq - 1, head.prev), key)
