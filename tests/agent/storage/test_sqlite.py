"""Databases that cannot be used are refused, and say why; used ones survive."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from auth_agent.audit import keys, segments
from auth_agent.audit.verify import verify
from auth_agent.errors import StoreUnavailableError
from auth_agent.storage.copies import copy
from auth_agent.storage.migrate import UnusableDatabaseError, migrate, migrations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.storage.conftest import Kept

KEYS = keys.derive(b"k" * 32)

WRITER = """
import asyncio, sys
from pathlib import Path
from auth_agent.audit import keys
from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.log import AuditLog
from auth_agent.audit.record import Actor, Record
from auth_agent.clock import SystemClock
from auth_agent.storage.migrate import migrate
from auth_agent.storage.sqlite import SqliteStore

folder, run = Path(sys.argv[1]), sys.argv[2]
(folder / "audit").mkdir(exist_ok=True)
migrate(folder / "agent.db")
log = AuditLog(folder / "audit", keys=keys.derive(b"k" * 32), clock=SystemClock(),
               announce=lambda _: None, segment_bytes=20_000)
log.open()
store = SqliteStore(folder / "agent.db", audit=log, clock=SystemClock())
store.start()

async def one(lane):
    number = 0
    while True:
        name = f"r{run}-{lane}-{number}"
        actor = Actor(ActorKind.CLI, name=name)
        record = Record(Event.USER_UPDATE, Outcome.SUCCESS, actor)
        def work(tx, record=record, name=name):
            tx.execute("INSERT INTO meta (name, value) VALUES (?, '')", (name,))
            tx.record(record)
        await store.write(work)
        print(name, flush=True)
        number += 1

async def main():
    await asyncio.gather(*(one(lane) for lane in range(8)))

asyncio.run(main())
"""


def test_migrating_twice_takes_no_second_step(tmp_path: Path) -> None:
    """All steps are taken once, in order; the file is its owner's alone."""
    path = tmp_path / "agent.db"

    taken = migrate(path)

    assert taken == migrations()
    assert sorted(step.number for step in taken) == [step.number for step in taken]
    assert () == migrate(path)
    assert 0o600 == path.stat().st_mode & 0o777


def refused(path: Path) -> str:
    """Return why the database is refused; it must be left as it is."""
    before = path.read_bytes()
    with pytest.raises(UnusableDatabaseError) as error:
        migrate(path)
    assert before == path.read_bytes()
    assert error.value.fix
    return error.value.message


def execute(path: Path, sql: str) -> None:
    """Change the database from outside."""
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """One with a step that this version does not know is left alone."""
    path = tmp_path / "agent.db"
    migrate(path)
    execute(path, "INSERT INTO migrations VALUES (9999, 'future', 'x')")

    assert "has step 9999" in refused(path)


def test_an_altered_step_is_refused(tmp_path: Path) -> None:
    """A step whose text was another one is not this version's."""
    path = tmp_path / "agent.db"
    migrate(path)
    execute(path, "UPDATE migrations SET sha256 = 'x' WHERE number = 10")

    assert "step 10 is not the one" in refused(path)


def test_a_half_written_database_is_refused(tmp_path: Path) -> None:
    """A copy that was cut off in the middle does not start an agent."""
    whole, path = tmp_path / "whole.db", tmp_path / "agent.db"
    migrate(tmp_path / "first.db")
    copy(tmp_path / "first.db", whole)
    data = whole.read_bytes()
    path.write_bytes(data[: len(data) // 2])

    assert "is damaged" in refused(path)


def test_garbage_is_refused(tmp_path: Path) -> None:
    """A file that is no database is left alone."""
    path = tmp_path / "agent.db"
    path.write_bytes(b"not a database, but long enough to be looked at " * 100)

    assert "is damaged" in refused(path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """Tables of somebody else get no neighbours."""
    path = tmp_path / "agent.db"
    execute(path, "PRAGMA journal_mode=WAL")
    execute(path, "CREATE TABLE theirs (x)")

    assert "another program" in refused(path)


def test_a_step_that_fails_leaves_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that breaks in the middle is not there at all, and goes on later."""
    from auth_agent.storage import migrate as module  # noqa: PLC0415 - patched here

    steps = migrations()
    broken = module.Migration(99, "broken", "CREATE TABLE half (x); SELECT nonsense;")
    monkeypatch.setattr(module, "migrations", lambda: (*steps, broken))
    path = tmp_path / "agent.db"
    with pytest.raises(UnusableDatabaseError):
        migrate(path)
    monkeypatch.setattr(module, "migrations", lambda: steps)

    assert () == migrate(path)
    connection = sqlite3.connect(path)
    assert (
        None
        is connection.execute(
            "SELECT 1 FROM sqlite_schema WHERE name = 'half'"
        ).fetchone()
    )
    connection.close()


def test_a_locked_database_refuses_changes(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the lock a change fails; afterwards it works."""
    writer = kept.store._writer  # type: ignore[attr-defined] # noqa: SLF001 - SQLite's own
    writer.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(kept.folder / "agent.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError):
        asyncio.run(kept.store.write(lambda tx: tx.execute("DELETE FROM meta")))
    other.execute("ROLLBACK")
    other.close()
    monkeypatch.undo()

    asyncio.run(kept.store.write(lambda tx: tx.execute("DELETE FROM meta")))


def test_nothing_acknowledged_is_lost_by_kills(tmp_path: Path) -> None:
    """After SIGKILLs in bursts the chain holds every acknowledged event, once."""
    acknowledged: list[str] = []
    for run in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(run)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            wanted = 20 + 13 * run
            acknowledged += [process.stdout.readline() for _ in range(wanted)]
            os.kill(process.pid, signal.SIGKILL)
            acknowledged += [line for line in process.stdout if line.endswith("\n")]
    migrate(tmp_path / "agent.db")

    folder = tmp_path / "audit"
    _settle(tmp_path)
    verdict = verify(folder, KEYS)
    text = b"".join(s.path.read_bytes() for s in segments.segments(folder))
    assert () == verdict.faults
    assert len(acknowledged) > 100
    for name in acknowledged:
        assert 1 == text.count(b'"name":"%s"},"target"' % name.strip().encode()), name


def _settle(folder: Path) -> None:
    """Open once more, as the next start does, so that left-overs reach the log."""
    from tests.agent.storage.conftest import open_sqlite  # noqa: PLC0415 - shared

    kept = open_sqlite(folder)
    kept.store.close()
    kept.log.close()
