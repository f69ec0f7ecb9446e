"""The audit log: durable events a second, and lines a second that are verified."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auth_agent.audit import keys, verify
from auth_agent.audit.chain import Pending, body
from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.log import CHECKPOINT_RECORDS, AuditLog
from auth_agent.audit.record import Actor, Origin, Record
from auth_agent.clock import SystemClock
from auth_agent.storage.migrate import migrate
from auth_agent.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from auth_agent.storage.store import Transaction

    from benchmarks.agent_figures import Figures

LANES: Final = 256
"""Actions under way at the same time; each waits until its own event is durable."""

SECONDS: Final = 5.0
LINES: Final = 100_000
REPEATS: Final = 3


def record(number: int) -> Record:
    """Return an event of usual length."""
    return Record(
        Event.SESSION_CREATE,
        Outcome.SUCCESS,
        Actor(ActorKind.USER, "a" * 26, f"user{number}"),
        Origin(
            ip="192.0.2.7",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
            session="0" * 12,
            request_id="b" * 26,
            host="app.example.com",
        ),
        target_kind="site_session",
        target_id="app.example.com",
    )


def measure(figures: Figures, folder: Path) -> None:
    """Write as many events as go, each with a change of its own; verify a long log."""
    derived = keys.derive(b"k" * 32)
    (folder / "audit").mkdir(mode=0o700)
    cpu = time.process_time()
    written, seconds = asyncio.run(_write(folder, derived))
    cpu = time.process_time() - cpu
    figures.add(
        f"durable events, {LANES} at a time",
        f"{written / seconds:,.0f}/s ({written / cpu:,.0f} per second of CPU)",
        ">= 5,000/s",
    )
    if not verify.verify(folder / "audit", derived).holds:
        message = "the chain does not hold"
        raise RuntimeError(message)
    (folder / "long").mkdir(mode=0o700)
    _lengthen(folder / "long", derived)
    rates = []
    for _ in range(REPEATS):
        began = time.process_time()
        verdict = verify.verify(folder / "long", derived)
        rates.append(verdict.records / (time.process_time() - began))
        if not verdict.holds or verdict.records < LINES:
            message = f"the chain does not hold: {verdict.faults[:3]}"
            raise RuntimeError(message)
    figures.add(
        f"lines verified, of {verdict.records:,}",
        f"{statistics.median(rates):,.0f} per second of CPU",
        ">= 100,000/s",
    )


def _lengthen(folder: Path, derived: keys.AuditKeys) -> None:
    """Write a log of `LINES` records and their checkpoints."""
    clock = SystemClock()
    log = AuditLog(folder, keys=derived, clock=clock, announce=lambda _made: None)
    log.open()
    for start in range(0, LINES, CHECKPOINT_RECORDS):
        log.append(
            [
                Pending(
                    str(number), 0, body(record(number), identity="c" * 26, micros=0)
                )
                for number in range(start, start + CHECKPOINT_RECORDS)
            ]
        )
    log.close()


async def _write(folder: Path, derived: keys.AuditKeys) -> tuple[int, float]:
    migrate(folder / "agent.db")
    clock = SystemClock()
    log = AuditLog(
        folder / "audit", keys=derived, clock=clock, announce=lambda _made: None
    )
    log.open()
    store = SqliteStore(folder / "agent.db", audit=log, clock=clock)
    store.start()
    written = 0
    began = time.monotonic()

    async def lane(number: int) -> None:
        nonlocal written

        def work(tx: Transaction) -> None:
            tx.execute(
                "INSERT INTO meta (name, value) VALUES (?, '1')"
                " ON CONFLICT (name) DO UPDATE SET value = value + 1",
                (f"lane{number}",),
            )
            tx.record(record(number))

        while time.monotonic() - began < SECONDS:
            await store.write(work)
            written += 1

    await asyncio.gather(*(lane(number) for number in range(LANES)))
    seconds = time.monotonic() - began
    store.close()
    log.close()
    return written, seconds
