"""The log's one writer: appends, links, signs, rotates, and repairs after a crash."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from auth_agent.audit import chain, ending, segments
from auth_agent.audit.chain import Pending, Place
from auth_agent.audit.ending import Ending
from auth_agent.audit.events import Event, Outcome
from auth_agent.audit.record import SYSTEM, Record
from auth_agent.clock import to_micros
from auth_agent.errors import StoreUnavailableError
from auth_agent.ids import random_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from auth_agent.audit.keys import AuditKeys
    from auth_agent.clock import Clock

SEGMENT_BYTES = 64 * 1024 * 1024
"""A segment that has grown beyond this is followed by the next number."""

CHECKPOINT_RECORDS = 1_000
CHECKPOINT_SECONDS = 300.0

TORN = "torn_line"
"""Reason of the record that closes lines which a crash cut off."""


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement: the chain's end was here."""

    segment: int
    seq: int
    hash: str
    key_id: str
    signature: str


class AuditLog:
    """Append-only, chained and durable; used by one thread of one process.

    *announce* is told every checkpoint, so that a copy reaches the journal.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keys: AuditKeys,
        clock: Clock,
        announce: Callable[[Checkpoint], None],
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._folder = folder
        self._keys = keys
        self._clock = clock
        self._announce = announce
        self._segment_bytes = segment_bytes
        self._end = Ending()
        self._number = 0
        self._size = 0
        self._descriptor = -1
        self._since_checkpoint = 0
        self._checkpoint_at = clock.monotonic()

    @property
    def folder(self) -> Path:
        """Where the segments are."""
        return self._folder

    @property
    def place(self) -> Place:
        """The chain's end."""
        return self._end.place

    @property
    def segment(self) -> int:
        """Number of the segment that is written to."""
        return self._number

    @property
    def size(self) -> int:
        """Bytes in the segment that is written to; whole lines all of them."""
        return self._size

    def open(self) -> None:
        """Find the chain's end, close torn lines, and be ready to append.

        The last whole record must follow from its predecessor's hash and carry a
        right mac; the whole chain is `audit verify`'s to check.

        Raises:
            BrokenChainError: the last whole record is not the log's own.
            StoreUnavailableError: the folder or the file cannot be written.
        """
        try:
            found = segments.segments(self._folder)
            if not found:
                self._start_segment(1)
                return
            last = found[-1]
            self._number = last.number
            self._descriptor = segments.reopen(last.path)
            self._find_end()
        except OSError as error:
            raise _unwritable(error) from error
        if self._end.torn or self._end.open:
            self._repair()

    def close(self) -> None:
        """Sign the chain's end and let go of the file."""
        if self._descriptor >= 0:
            try:
                if self._since_checkpoint:
                    self.checkpoint()
            finally:
                os.close(self._descriptor)
                self._descriptor = -1

    def append(self, pending: Sequence[Pending]) -> None:
        """Append *pending* in order and return once they are on the disk.

        Raises:
            StoreUnavailableError: nothing is promised of them; what may have reached
                the file in part is closed by a repair record later.
        """
        if self._end.torn or self._end.open:
            self._repair()
        if self._size >= self._segment_bytes:
            self.rotate()
        self._append(pending)
        if self._since_checkpoint >= CHECKPOINT_RECORDS:
            self.checkpoint()
        else:
            self.checkpoint_if_due()

    def checkpoint_if_due(self) -> None:
        """Sign the chain's end if there is something new and five minutes went by."""
        due = self._clock.monotonic() - self._checkpoint_at >= CHECKPOINT_SECONDS
        if due and self._since_checkpoint:
            self.checkpoint()

    def checkpoint(self) -> Checkpoint:
        """Sign the chain's end, record that, and announce it."""
        at, key = self.place, self._keys
        text = f"keepgate-audit:{self._number}:{at.seq}:{at.hash}".encode()
        made = Checkpoint(self._number, at.seq, at.hash, key.id, key.sign(text))
        self._append([self._own(Event.SYSTEM_AUDIT_CHECKPOINT, "", _details(made))])
        self._since_checkpoint = 0
        self._checkpoint_at = self._clock.monotonic()
        self._announce(made)
        return made

    def rotate(self) -> None:
        """Sign the chain's end and go on in the next segment."""
        if self._since_checkpoint:
            self.checkpoint()
        self._start_segment(self._number + 1)

    def record(self, record: Record) -> None:
        """Append a record of the log's own, beside any change of the store."""
        micros, identity = to_micros(self._clock.now()), random_id()
        text = chain.body(record, identity=identity, micros=micros)
        self.append([Pending(identity, micros, text)])

    def recent_ids(self, count: int) -> set[str]:
        """Return the ids of the last *count* records and somewhat more.

        Enough to tell which of *count* records that were handed in last have
        their line already.
        """
        wanted = count + 2 * CHECKPOINT_RECORDS
        ids: set[str] = set()
        for segment in reversed(segments.segments(self._folder)):
            for line in segments.tail(segment.path, wanted - len(ids)):
                try:
                    ids.add(msgspec.json.decode(line, type=_Identity).id)
                except msgspec.DecodeError:
                    continue
            if len(ids) >= wanted:
                break
        return ids

    def _append(self, pending: Sequence[Pending], before: bytes = b"") -> None:
        place = self.place
        parts = []
        for one in pending:
            line, place = chain.link(one, place, self._keys.mac_key)
            parts.append(line)
        data = before + b"\n".join(parts) + b"\n"
        try:
            segments.write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError as error:
            self._find_end()
            raise _unwritable(error) from error
        self._end = Ending(place)
        self._size += len(data)
        self._since_checkpoint += len(pending)

    def _find_end(self) -> None:
        """Find out what stands in the files."""
        self._end = ending.find(segments.segments(self._folder), self._keys.mac_key)
        self._size = os.fstat(self._descriptor).st_size

    def _repair(self) -> None:
        """End the torn lines and record what they were; nothing is ever cut."""
        torn = self._end.torn
        details: dict[str, str | int | bool] = {
            "bytes": len(torn),
            "sha256": hashlib.sha256(torn).hexdigest(),
        }
        own = self._own(Event.SYSTEM_AUDIT_VERIFY_FAIL, TORN, details)
        if torn:
            self._append([own], b"\n" if self._end.open else b"")
        else:  # only the newline is missing; the record itself is whole
            self._append([], b"")

    def _start_segment(self, number: int) -> None:
        try:
            descriptor = segments.create(self._folder, number)
        except OSError as error:
            raise _unwritable(error) from error
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._number, self._size = descriptor, number, 0

    def _own(
        self, event: Event, reason: str, details: dict[str, str | int | bool]
    ) -> Pending:
        outcome = Outcome.FAILURE if reason else Outcome.SUCCESS
        record = Record(event, outcome, SYSTEM, reason=reason, details=details)
        micros, identity = to_micros(self._clock.now()), random_id()
        text = chain.body(record, identity=identity, micros=micros)
        return Pending(identity, micros, text)


class _Identity(msgspec.Struct):
    id: str


def _unwritable(error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the audit log cannot be written: {error.strerror}",
        fix="free space on the audit folder's file system and let the agent's "
        "account write there",
    )


def _details(made: Checkpoint) -> dict[str, str | int | bool]:
    return {
        "segment": made.segment,
        "seq": made.seq,
        "hash": made.hash,
        "key_id": made.key_id,
        "signature": made.signature,
    }
