"""Reading records back: newest first for people, oldest first for export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from auth_agent.audit import chain, segments
from auth_agent.clock import to_micros

if TYPE_CHECKING:
    from pathlib import Path

    from auth_agent.audit.verify import Reach

MOST = 1_000
"""Records that one search gives at most."""


@dataclass(frozen=True)
class AuditQuery:
    """What to look for; empty fields are for everything. Times in microseconds.

    *before_seq* is for the next page: records with smaller numbers only. *actor*
    and *target* match an id or (the actor) a name.
    """

    since: int = 0
    until: int = 0
    events: tuple[str, ...] = ()
    outcome: str = ""
    actor: str = ""
    target: str = ""
    ip: str = ""
    before_seq: int = 0
    limit: int = 100


@dataclass(frozen=True)
class Entry:
    """One audit record as it is read back."""

    seq: int
    time: str
    event: str
    outcome: str
    actor_kind: str
    actor_id: str
    actor_name: str
    target_kind: str
    target_id: str
    ip: str
    user_agent: str
    session: str
    request_id: str
    host: str
    reason: str
    details: Mapping[str, str | int | bool] = field(default_factory=dict)


class _Actor(msgspec.Struct):
    kind: str
    id: str
    name: str


class _Target(msgspec.Struct):
    kind: str
    id: str


class _Line(msgspec.Struct):
    seq: int
    time: str
    event: str
    outcome: str
    actor: _Actor
    target: _Target
    ip: str
    user_agent: str
    session: str
    request_id: str
    host: str
    reason: str
    details: dict[str, str | int | bool]


def search(folder: Path, query: AuditQuery, reach: Reach) -> tuple[Entry, ...]:
    """Return matching records up to *reach*, newest first, at most `query.limit`."""
    found: list[Entry] = []
    limit = max(1, min(query.limit, MOST))
    for line in _newest_first(folder, reach):
        entry = _decoded(line)
        if entry is None:
            continue
        if query.since and _micros(entry) < query.since:
            break
        if _matches(entry, query):
            found.append(entry)
            if len(found) >= limit:
                break
    return tuple(found)


def export(folder: Path, query: AuditQuery, reach: Reach) -> Iterator[bytes]:
    """Yield the stored lines that match, oldest first, as they are in the log."""
    for segment in segments.segments(folder):
        if segment.number > reach.segment:
            return
        end = reach.size if segment.number == reach.segment else None
        for line in segments.lines(segment.path, end):
            entry = _decoded(line)
            if entry is not None and _matches(entry, query):
                yield line


def _newest_first(folder: Path, reach: Reach) -> Iterator[bytes]:
    for segment in reversed(segments.segments(folder)):
        if segment.number <= reach.segment:
            end = reach.size if segment.number == reach.segment else None
            yield from segments.lines_back(segment.path, end)


def _decoded(line: bytes) -> Entry | None:
    """Return the record of *line*; None for what a crash left behind."""
    if not chain.complete(line.removesuffix(b"\n")):
        return None
    try:
        read = msgspec.json.decode(line, type=_Line)
    except msgspec.DecodeError:
        return None
    return Entry(
        read.seq,
        read.time,
        read.event,
        read.outcome,
        read.actor.kind,
        read.actor.id,
        read.actor.name,
        read.target.kind,
        read.target.id,
        read.ip,
        read.user_agent,
        read.session,
        read.request_id,
        read.host,
        read.reason,
        read.details,
    )


def _matches(entry: Entry, query: AuditQuery) -> bool:
    micros = _micros(entry) if query.since or query.until else 0
    return (
        (not query.before_seq or entry.seq < query.before_seq)
        and (not query.events or entry.event in query.events)
        and (not query.outcome or entry.outcome == query.outcome)
        and (not query.actor or query.actor in {entry.actor_id, entry.actor_name})
        and (not query.target or entry.target_id == query.target)
        and (not query.ip or entry.ip == query.ip)
        and (not query.since or micros >= query.since)
        and (not query.until or micros < query.until)
    )


def _micros(entry: Entry) -> int:
    return to_micros(datetime.fromisoformat(entry.time))
