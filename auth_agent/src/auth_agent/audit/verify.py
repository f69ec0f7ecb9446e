"""Checking a whole log: every link, every signature, and what was pinned before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from auth_agent.audit import chain, segments
from auth_agent.audit.chain import BrokenChainError, Place
from auth_agent.audit.events import Event
from auth_agent.audit.log import TORN

if TYPE_CHECKING:
    from pathlib import Path

    from auth_agent.audit.keys import AuditKeys

_CHECKPOINT = f'"event":"{Event.SYSTEM_AUDIT_CHECKPOINT}"'.encode()
_CUT = f'"event":"{Event.SYSTEM_AUDIT_RETENTION_CUT}"'.encode()
_ABOUT_THE_LOG = b'"event":"system.audit_'
"""What both begin with. A text of a record cannot hold it: its quotes are escaped."""

_TORN = f'"reason":"{TORN}"'.encode()


@dataclass(frozen=True)
class Pin:
    """An end of the chain that somebody noted earlier, outside the log's reach."""

    segment: int
    seq: int
    hash: str


@dataclass(frozen=True)
class Fault:
    """Something that does not hold; *line* counts from 1 within the segment."""

    segment: int
    line: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What a check of the log found; it holds when there is no fault."""

    records: int
    checkpoints: int
    torn: int
    first: int
    end: Place
    end_segment: int
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Whether the chain is whole."""
        return not self.faults


class _Members(msgspec.Struct):
    details: dict[str, str | int | bool]
    reason: str


class _Walk:
    """One pass over all segments, in order."""

    def __init__(self, keys: AuditKeys, pin: Pin | None) -> None:
        self._keys = keys
        self._pin = pin
        self._pin_seen = pin is None or pin.seq == 0
        self._torn: list[bytes] = []
        self._start: Place | None = None
        self._announced: set[tuple[int, str]] = set()
        self._chain = chain.Follower(keys.mac_key)
        self.records = self.checkpoints = self.torn = self.first = 0
        self.faults: list[Fault] = []

    @property
    def place(self) -> Place:
        """The last record's place."""
        return self._chain.place

    def line(self, raw: bytes, segment: int, number: int) -> None:
        line = raw.removesuffix(b"\n")
        if self._start is None:
            self._begin(line)
            follows = self._doubted(line, segment, number)
        else:
            follows = self._chain.take(line) or self._doubted(line, segment, number)
        if not follows:
            return
        self.records += 1
        if self._torn or _ABOUT_THE_LOG in line:
            self._marks(line, segment, number)
        if not self._pin_seen:
            self._look_for_pin(segment, number)

    def _doubted(self, line: bytes, segment: int, number: int) -> bool:
        """Say what is wrong with a line that does not follow; whether it does."""
        if not chain.complete(line):
            self._torn.append(line)
            return False
        try:
            place = chain.follow(line, self._chain.place, self._keys.mac_key)
        except BrokenChainError as error:
            self.faults.append(Fault(segment, number, error.reason))
            self._resume(line)
            return False
        self._chain.place = place
        return True

    def _look_for_pin(self, segment: int, number: int) -> None:
        place = self._chain.place
        if self._pin is not None and place.seq == self._pin.seq:
            self._pin_seen = True
            if place.hash != self._pin.hash:
                reason = "differs from what was pinned"
                self.faults.append(Fault(segment, number, reason))

    def finish(self, segment: int) -> None:
        if self._torn:
            self.faults.append(Fault(segment, 0, "ends in a line that was cut off"))
        if self._start is not None and self._start.seq > 0:
            wanted = (self._start.seq + 1, self._start.hash)
            if wanted not in self._announced:
                self.faults.append(
                    Fault(segment, 0, "begins late, and no retention cut says so")
                )
        if not self._pin_seen and self._pin is not None:
            if self._start is not None and self._pin.seq <= self._start.seq:
                return  # what was pinned has been retired by a recorded cut
            reason = f"ends at {self.place.seq}, before the pinned {self._pin.seq}"
            self.faults.append(Fault(segment, 0, reason))

    def _begin(self, line: bytes) -> None:
        """Take the first line's word for its predecessor; a cut must announce it."""
        try:
            head = msgspec.json.decode(line, type=_Head)
        except msgspec.DecodeError:
            self._start = Place()
            return
        self._start = Place(head.seq - 1, head.prev)
        self.first = head.seq
        self._chain.place = self._start

    def _resume(self, line: bytes) -> None:
        """Go on behind a fault, so that one fault is counted once."""
        try:
            head = msgspec.json.decode(line, type=_Head)
        except msgspec.DecodeError:
            return
        self._chain.place = Place(head.seq, hashlib.sha256(line).hexdigest())

    def _marks(self, line: bytes, segment: int, number: int) -> None:
        if self._torn:
            torn, self._torn = b"\n".join(self._torn), []
            if not self._closes(line, torn):
                reason = "the line before was cut off, and no record says so"
                self.faults.append(Fault(segment, number, reason))
            else:
                self.torn += 1
        if _CHECKPOINT in line:
            self.checkpoints += 1
            if not self._signed(line):
                self.faults.append(Fault(segment, number, "its signature is not ours"))
        if _CUT in line:
            details = msgspec.json.decode(line, type=_Members).details
            self._announced.add((int(details["first_seq"]), str(details["prev"])))

    def _closes(self, line: bytes, torn: bytes) -> bool:
        if _TORN not in line:
            return False
        details = msgspec.json.decode(line, type=_Members).details
        return details.get("sha256") == hashlib.sha256(torn).hexdigest()

    def _signed(self, line: bytes) -> bool:
        details = msgspec.json.decode(line, type=_Members).details
        text = "keepgate-audit:{segment}:{seq}:{hash}".format(**details).encode()
        return self._keys.verifies(text, str(details["signature"]))


class _Head(msgspec.Struct):
    seq: int
    prev: str


@dataclass(frozen=True)
class Reach:
    """How far to read a log that is being written to: so many bytes of a segment."""

    segment: int
    size: int


def verify(
    folder: Path,
    keys: AuditKeys,
    pin: Pin | None = None,
    reach: Reach | None = None,
) -> Verdict:
    """Return what a check of every line in *folder*, up to *reach*, found.

    Reads only. With *pin* the log must contain that place, unchanged.
    """
    walk = _Walk(keys, pin)
    last = 0
    for segment in segments.segments(folder):
        if reach is not None and segment.number > reach.segment:
            break
        end = reach.size if reach and segment.number == reach.segment else None
        if last and segment.number != last + 1:
            walk.faults.append(Fault(segment.number, 0, "the segment before is gone"))
        last = segment.number
        for number, raw in enumerate(segments.lines(segment.path, end), 1):
            walk.line(raw, segment.number, number)
    walk.finish(last)
    return Verdict(
        walk.records,
        walk.checkpoints,
        walk.torn,
        walk.first,
        walk.place,
        last,
        tuple(walk.faults),
    )
