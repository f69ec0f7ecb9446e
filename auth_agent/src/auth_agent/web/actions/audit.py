"""The audit log: search, export, verify, review."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from auth_agent.audit.events import Event
from auth_agent.audit.verify import Pin, Verdict
from auth_agent.authz.permissions import Permission
from auth_agent.callers import Caller
from auth_agent.errors import InvalidInputError
from auth_agent.services import AuditQuery, Entry, Review
from auth_agent.web.actions.base import ON_HOST, Action, Given, Runtime
from auth_agent.web.actions.fields import Limit, Line, Micros, Text
from auth_agent.web.actions.users import Nothing

Events = Annotated[tuple[Line, ...], Meta(max_length=100)]
Outcome = Annotated[str, Meta(pattern="^(|success|failure|denied)$")]


class Query(Given, frozen=True, kw_only=True):
    """What to look for; empty fields are for everything. Times in microseconds."""

    since: Micros = 0
    until: Micros = 0
    events: Events = ()
    outcome: Outcome = ""
    actor: Text = ""
    target: Text = ""
    ip: Text = ""
    before_seq: Micros = 0
    limit: Limit = 100


class Pinned(Given, frozen=True, kw_only=True):
    """The last place in the log that was seen elsewhere; empty for none."""

    segment: Annotated[int, Meta(ge=0, le=2**31)] = 0
    seq: Micros = 0
    mac: Text = ""


@dataclass(frozen=True)
class Found:
    """Records, newest first; *next_before* leads to the next page, 0 at the end."""

    entries: tuple[Entry, ...]
    next_before: int


def _query(given: Query) -> AuditQuery:
    unknown = sorted(set(given.events) - {event.value for event in Event})
    if unknown:
        message = f"no event is called {unknown[0]}"
        fix = "see the list of events"
        raise InvalidInputError(message, field="events", fix=fix)
    return AuditQuery(
        since=given.since,
        until=given.until,
        events=given.events,
        outcome=given.outcome,
        actor=given.actor,
        target=given.target,
        ip=given.ip,
        before_seq=given.before_seq,
        limit=given.limit,
    )


async def search(runtime: Runtime, caller: Caller, given: Query) -> Found:
    """Search the log; that somebody looked is recorded."""
    entries = await runtime.services.audit.search(caller, _query(given))
    more = entries[-1].seq if len(entries) == given.limit else 0
    return Found(entries, more)


async def export(
    runtime: Runtime, caller: Caller, given: Query
) -> AsyncIterator[bytes]:
    """Give the stored lines, oldest first."""
    return runtime.services.audit.export(caller, _query(given))


async def verify(runtime: Runtime, caller: Caller, given: Pinned) -> Verdict:
    """Check the whole log, and against what was seen of it elsewhere."""
    pin = Pin(given.segment, given.seq, given.mac) if given.mac else None
    return await runtime.services.audit.verify(caller, pin)


async def review(runtime: Runtime, caller: Caller, _given: Nothing) -> Review:
    """Sum up what happened since the last review."""
    return await runtime.services.audit.review(caller, done=False)


async def reviewed(runtime: Runtime, caller: Caller, _given: Nothing) -> Review:
    """As `review`, and record that it was done."""
    return await runtime.services.audit.review(caller, done=True)


_P = Permission

ACTIONS = (
    Action("audit.search", _P.AUDIT_VIEW, search, Query, "GET", "/audit"),
    Action(
        "audit.export",
        _P.AUDIT_EXPORT,
        export,
        Query,
        "GET",
        "/audit/export",
        sensitive=True,
        streams=True,
    ),
    Action("audit.verify", _P.AUDIT_VIEW, verify, Pinned, "POST", "/audit/verify"),
    Action("audit.review", _P.AUDIT_VIEW, review, Nothing, "GET", "/audit/review"),
    Action(
        "audit.reviewed",
        _P.AUDIT_VIEW,
        reviewed,
        Nothing,
        "POST",
        "/audit/review",
        done="The review was recorded.",
    ),
    Action("audit.tail", ON_HOST, search, Query),
)
"""What is done with the log."""
