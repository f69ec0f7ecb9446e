"""Records that nobody waits for: floods of equal ones are summed up per minute."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auth_agent.errors import StoreUnavailableError

if TYPE_CHECKING:
    from auth_agent.audit.record import Record
    from auth_agent.clock import Clock
    from auth_agent.metrics import Metrics
    from auth_agent.storage.store import Store

PERIOD = 60.0
"""Seconds in which equal records are summed up."""

MOST = 4_096
"""How many different ones are told apart in a period; further ones share one."""


@dataclass
class _Flood:
    record: Record
    since: float
    more: int = 0


class Notes:
    """Writes the first of equal records at once, the others as one with a count."""

    def __init__(self, store: Store, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._floods: dict[tuple[str, str], _Flood] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, record: Record, key: str) -> None:
        """Record *record*; those with the same event and *key* are summed up."""
        place = (str(record.event), key)
        flood = self._floods.get(place)
        if flood is None and len(self._floods) >= MOST:
            place = (str(record.event), "")
            flood = self._floods.get(place)
        if flood is not None:
            flood.more += 1
            return
        self._floods[place] = _Flood(record, self._clock.monotonic())
        self._begin(record)

    async def sum_up(self, *, everything: bool = False) -> None:
        """Write the sums whose period is over, or all of them."""
        now = self._clock.monotonic()
        due = [
            place
            for place, flood in self._floods.items()
            if everything or now - flood.since >= PERIOD
        ]
        for place in due:
            flood = self._floods.pop(place)
            if flood.more:
                details = {**flood.record.details, "more": flood.more}
                self._begin(replace(flood.record, details=details))
        if self._tasks:
            await asyncio.gather(*self._tasks)

    def _begin(self, record: Record) -> None:
        task = asyncio.get_running_loop().create_task(self._write(record))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, record: Record) -> None:
        try:
            await self._store.write(lambda tx: tx.record(record))
        except StoreUnavailableError:
            # The request was refused anyway; that it went unrecorded is counted.
            self._metrics.count("audit_notes_lost_total", event=str(record.event))
