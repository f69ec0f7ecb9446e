"""Retiring old segments: the log is cut at a checkpoint, and says so."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from auth_agent.audit import chain, segments
from auth_agent.audit.events import Event, Outcome
from auth_agent.audit.record import SYSTEM, Record
from auth_agent.clock import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auth_agent.audit.log import AuditLog

SEGMENT_DAYS = 30
"""A segment that began longer ago is followed by the next, however small it is."""

_DAY = 86_400_000_000


class _Head(msgspec.Struct):
    seq: int
    prev: str
    time: datetime


def keep(log: AuditLog, *, now: int, days: int) -> int:
    """Begin a new segment if one is due; remove those older than *days*.

    A segment goes when its newest record is older, unless the file system has it
    append-only: whoever set that flag takes it off first. Each ends in a signed
    checkpoint. The cut is recorded before anything is removed, with the number and
    predecessor of the first record kept, so that `verify` knows where the log
    begins. Returns how many segments went.
    """
    found = segments.segments(log.folder)
    began = _first(found[-1])
    if began is not None and now - to_micros(began.time) > SEGMENT_DAYS * _DAY:
        log.rotate()
        found = segments.segments(log.folder)
    old = []
    for segment in found[:-1]:
        last = _last(segment)
        if last is None or now - to_micros(last.time) <= days * _DAY:
            break
        if segments.is_append_only(segment.path):
            break
        old.append(segment)
    if not old:
        return 0
    first = _first(found[len(old)])
    place = log.place
    log.record(
        Record(
            Event.SYSTEM_AUDIT_RETENTION_CUT,
            Outcome.SUCCESS,
            SYSTEM,
            details={
                "first_seq": place.seq + 1 if first is None else first.seq,
                "prev": place.hash if first is None else first.prev,
                "from_segment": old[0].number,
                "to_segment": old[-1].number,
            },
        )
    )
    segments.remove(old, log.folder)
    return len(old)


def _first(segment: segments.Segment) -> _Head | None:
    return _whole(segments.lines(segment.path))


def _last(segment: segments.Segment) -> _Head | None:
    return _whole(segments.lines_back(segment.path))


def _whole(lines: Iterable[bytes]) -> _Head | None:
    """Return the first whole record of *lines*, passing over torn ones."""
    for line in lines:
        if chain.complete(line.removesuffix(b"\n")):
            return msgspec.json.decode(line, type=_Head)
    return None
