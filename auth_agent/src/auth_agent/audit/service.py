"""Reading the log, and the records that requests make."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auth_agent.audit import reading, retention
from auth_agent.audit import verify as verification
from auth_agent.audit.events import Event, Outcome
from auth_agent.audit.reading import AuditQuery, Entry
from auth_agent.audit.verify import Pin, Reach, Verdict
from auth_agent.callers import Caller, Client
from auth_agent.clock import to_micros

if TYPE_CHECKING:
    from pathlib import Path

    from auth_agent.audit.keys import AuditKeys
    from auth_agent.audit.log import AuditLog
    from auth_agent.core import Core
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Transaction

REVIEWED = (
    Event.LOGIN_LOCKOUT,
    Event.LOGIN_NEW_DEVICE,
    Event.ACCESS_DENIED,
    Event.APIKEY_USE_DENIED,
    Event.APIKEY_CREATE,
    Event.APIKEY_ROTATE,
    Event.APIKEY_REVOKE,
    Event.APIKEY_LEAK_REPORT,
    Event.USER_ROLE_CHANGE,
    Event.SYSTEM_AUDIT_VERIFY_FAIL,
)
"""What a review sums up."""

_CHUNK = 500
_LAST_REVIEW = "last_review"


@dataclass(frozen=True)
class Review:
    """What happened since the last review; times are microseconds."""

    since: int
    until: int
    counts: Mapping[str, int]
    entries: tuple[Entry, ...]


class AuditService:
    """Everything that only reads does so on a thread of its own."""

    def __init__(
        self, core: Core, sessions: SessionService, folder: Path, keys: AuditKeys
    ) -> None:
        self._core = core
        self._sessions = sessions
        self._folder = folder
        self._keys = keys

    def note(
        self,
        event: Event,
        outcome: Outcome,
        caller: Caller | Client,
        *,
        reason: str,
        key: str = "",
        **details: str | int | bool,
    ) -> None:
        """Record without waiting; equal ones (*key*) are summed up per minute.

        For denials at the gate and pages: `access.denied`,
        `access.step_up_required`. Of a `Client` (anonymous) nothing is recorded but
        the counter of the metrics.
        """
        self._core.metrics.count("denied_total", reason=reason)
        if isinstance(caller, Client):
            return
        record = replace(caller.did(event, outcome, reason=reason), details=details)
        login = caller.login.id if caller.login else caller.actor.id
        self._core.notes.note(record, f"{login}:{reason}:{key}")

    async def search(self, caller: Caller, query: AuditQuery) -> tuple[Entry, ...]:
        """Return records, newest first; that somebody looked is recorded first."""
        self._sessions.require_nothing_owed(caller)
        await self._read(caller, "search")
        reach = await self._reach()
        return await asyncio.to_thread(reading.search, self._folder, query, reach)

    def export(self, caller: Caller, query: AuditQuery) -> AsyncIterator[bytes]:
        """Give the stored lines, oldest first; recorded before the first one.

        Raises:
            StepUpRequiredError: at once, before anything is given.
        """
        self._sessions.require_step_up(caller)
        return self._export(caller, query)

    async def _export(self, caller: Caller, query: AuditQuery) -> AsyncIterator[bytes]:
        await self._core.store.write(
            lambda tx: tx.record(caller.did(Event.ADMIN_EXPORT, target=("audit", "")))
        )
        lines = reading.export(self._folder, query, await self._reach())
        while chunk := await asyncio.to_thread(_take, lines):
            yield chunk

    async def verify(self, caller: Caller, pin: Pin | None = None) -> Verdict:
        """Check the whole log; what does not hold is recorded."""
        await self._read(caller, "verify")
        reach = await self._reach()
        verdict = await asyncio.to_thread(
            verification.verify, self._folder, self._keys, pin, reach
        )
        if not verdict.holds:
            fault = verdict.faults[0]
            record = caller.did(
                Event.SYSTEM_AUDIT_VERIFY_FAIL,
                Outcome.FAILURE,
                reason=fault.reason,
                segment=fault.segment,
                line=fault.line,
                faults=len(verdict.faults),
            )
            await self._core.store.write(lambda tx: tx.record(record))
        return verdict

    async def review(self, caller: Caller, *, done: bool) -> Review:
        """Sum up lockouts, denials, new devices, role and key changes.

        With *done* that is recorded, and the next review begins here.
        """
        self._sessions.require_nothing_owed(caller)
        core = self._core
        row = core.store.read(
            lambda reader: reader.one(
                "SELECT value FROM meta WHERE name = ?", (_LAST_REVIEW,)
            )
        )
        since = int(str(row[0])) if row else 0
        until = to_micros(core.clock.now())
        query = AuditQuery(
            since=since, until=until, events=REVIEWED, limit=reading.MOST
        )
        reach = await self._reach()
        entries = await asyncio.to_thread(reading.search, self._folder, query, reach)
        counts: Counter[str] = Counter()
        for entry in entries:
            counts[entry.event] += 1 + int(entry.details.get("more", 0))

        def work(tx: Transaction) -> None:
            if done:
                tx.execute(
                    "INSERT INTO meta (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (_LAST_REVIEW, str(until)),
                )
            reason = "review_done" if done else "review"
            tx.record(caller.did(Event.ADMIN_AUDIT_READ, reason=reason))

        await core.store.write(work)
        return Review(since, until, dict(counts), entries)

    async def keep(self) -> int:
        """Sign and rotate if due, and retire old segments; return how many went."""
        now, days = to_micros(self._core.clock.now()), self._core.config.audit.keep_days

        def work(log: AuditLog) -> int:
            log.checkpoint_if_due()
            return retention.keep(log, now=now, days=days)

        return await self._core.store.with_log(work)

    async def _read(self, caller: Caller, reason: str) -> None:
        record = caller.did(Event.ADMIN_AUDIT_READ, reason=reason)
        await self._core.store.write(lambda tx: tx.record(record))

    async def _reach(self) -> Reach:
        return await self._core.store.with_log(lambda log: Reach(log.segment, log.size))


def _take(lines: Iterator[bytes]) -> bytes:
    return b"".join(itertools.islice(lines, _CHUNK))
