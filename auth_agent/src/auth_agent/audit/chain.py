"""The keyed hash chain: how a record becomes a line, and how a line is checked.

A line is one JSON object in canonical bytes (UTF-8, no blanks, keys in the order
given here) and a newline:

    {"v":1,"seq":7,"prev":"<hex>","id":…,…,"mac":"<hex>"}

`prev` is the SHA-256 of the line before (without its newline). `mac` is
HMAC-SHA256 (RFC 2104) under the log's key of the object as it reads without its
last member. Both ends of a line stand at fixed places, so a reader checks a chain
without parsing JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from auth_agent.clock import from_micros

if TYPE_CHECKING:
    from auth_agent.audit.record import Record

VERSION = 1
GENESIS = "0" * 64
"""What stands for the line before the first one."""

MAC_LENGTH = 64 + len(',"mac":""}')
"""Length of a line's end: the member `mac` and the closing brace."""

_HEAD = re.compile(rb'\{"v":1,"seq":([1-9][0-9]{0,18}),"prev":"([0-9a-f]{64})","id":"')
_END = re.compile(rb',"mac":"([0-9a-f]{64})"\}')
_BLOCK = 64
"""Bytes that SHA-256 takes in at a time, and HMAC's key fills (RFC 2104, section 2)."""

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Pending:
    """A record that has its time and id, but no place in the chain yet."""

    id: str
    micros: int
    body: bytes


@dataclass(frozen=True)
class Place:
    """The end of a chain: the last line's number and hash."""

    seq: int = 0
    hash: str = GENESIS


def body(record: Record, *, identity: str, micros: int) -> bytes:
    """Return the members of *record* from `id` on, as canonical bytes."""
    members = {
        "id": identity,
        "time": from_micros(micros).isoformat(timespec="microseconds"),
        "event": record.event.value,
        "outcome": record.outcome.value,
        "actor": {
            "kind": record.actor.kind.value,
            "id": record.actor.id,
            "name": record.actor.name,
        },
        "target": {"kind": record.target_kind, "id": record.target_id},
        "ip": record.origin.ip,
        "user_agent": record.origin.user_agent,
        "session": record.origin.session,
        "request_id": record.origin.request_id,
        "host": record.origin.host,
        "reason": record.reason,
        "details": {key: record.details[key] for key in sorted(record.details)},
    }
    return _encoder.encode(members)[1:-1]


def link(pending: Pending, after: Place, key: bytes) -> tuple[bytes, Place]:
    """Return the line (without newline) of *pending* behind *after*, and its place."""
    seq = after.seq + 1
    head = f'{{"v":{VERSION},"seq":{seq},"prev":"{after.hash}",'.encode()
    unsigned = head + pending.body
    mac = hmac.digest(key, unsigned, "sha256").hex()
    line = unsigned + f',"mac":"{mac}"}}'.encode()
    return line, Place(seq, hashlib.sha256(line).hexdigest())


class BrokenChainError(Exception):
    """A line does not follow the one before; *seq* is the number expected there."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"line {seq}: {reason}")
        self.seq = seq
        self.reason = reason


def complete(line: bytes) -> bool:
    """Whether *line* has both ends of a record; it may still be a forged one."""
    end = max(0, len(line) - MAC_LENGTH)
    return _HEAD.match(line) is not None and _END.fullmatch(line, end) is not None


def follow(line: bytes, after: Place, key: bytes) -> Place:
    """Return the place of *line* if it truly follows *after*.

    Raises:
        BrokenChainError: the line is malformed, out of sequence, does not name its
            predecessor, or its mac does not match.
    """
    expected = after.seq + 1
    head, end = _HEAD.match(line), _END.fullmatch(line, max(0, len(line) - MAC_LENGTH))
    if head is None or end is None:
        raise BrokenChainError(expected, "is no audit record")
    if int(head[1]) != expected:
        raise BrokenChainError(expected, f"is numbered {int(head[1])}")
    if head[2] != after.hash.encode():
        raise BrokenChainError(expected, "does not name the line before")
    mac = hmac.digest(key, line[:-MAC_LENGTH], "sha256").hex().encode()
    if not hmac.compare_digest(mac, end[1]):
        raise BrokenChainError(expected, "its mac does not match")
    return Place(expected, hashlib.sha256(line).hexdigest())


class Follower:
    """Follows a chain line by line; of a good line it says what `follow` says.

    Made for long logs: a line is compared with the one head that may stand there,
    and the key's two blocks are hashed once (RFC 2104, section 4).
    """

    def __init__(self, key: bytes) -> None:
        block = key if len(key) <= _BLOCK else hashlib.sha256(key).digest()
        block = block.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self.place = Place()

    @property
    def place(self) -> Place:
        """The end of what was followed so far."""
        return Place(self._seq, self._hash.decode())

    @place.setter
    def place(self, place: Place) -> None:
        self._seq, self._hash = place.seq, place.hash.encode()

    def take(self, line: bytes) -> bool:
        """Whether *line* truly follows; if so it is the new end.

        If not, `follow` says why.
        """
        seq = self._seq + 1
        head = b'{"v":1,"seq":%d,"prev":"%b","id":"' % (seq, self._hash)
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(line[:-MAC_LENGTH])
        outer.update(inner.digest())
        end = b',"mac":"%b"}' % outer.hexdigest().encode()
        if seq < 1 or not line.startswith(head):
            return False
        if not hmac.compare_digest(line[-MAC_LENGTH:], end):
            return False
        self._seq, self._hash = seq, hashlib.sha256(line).hexdigest().encode()
        return True
