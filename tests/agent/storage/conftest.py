"""Every store that there is, to be put through the same contract."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from auth_agent.audit import keys
from auth_agent.audit.log import AuditLog
from auth_agent.clock import ManualClock
from auth_agent.storage.copies import copy
from auth_agent.storage.migrate import migrate
from auth_agent.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from auth_agent.storage.store import Store

KEYS = keys.derive(b"k" * 32)


@dataclass
class Kept:
    """A store, its log, and how to open both again as after a crash."""

    store: Store
    log: AuditLog
    clock: ManualClock
    folder: Path


Open = Callable[[], Kept]


def open_log(folder: Path, segment_bytes: int = 1 << 26) -> AuditLog:
    """Return an opened log in *folder*."""
    folder.mkdir(exist_ok=True)
    log = AuditLog(
        folder,
        keys=KEYS,
        clock=ManualClock(),
        announce=lambda _: None,
        segment_bytes=segment_bytes,
    )
    log.open()
    return log


def open_sqlite(folder: Path) -> Kept:
    """Return SQLite's store in *folder*."""
    clock = ManualClock()
    migrate(folder / "agent.db")
    log = open_log(folder / "audit")
    store = SqliteStore(folder / "agent.db", audit=log, clock=clock)
    store.start()
    return Kept(store, log, clock, folder)


def sqlite_from_backup(folder: Path, backup: Path) -> Kept:
    """Return SQLite's store on the state that *backup* holds, in the empty *folder*."""
    shutil.copyfile(backup, folder / "agent.db")
    return open_sqlite(folder)


def newer_sqlite(folder: Path) -> None:
    """Have a later version's step in the closed store."""
    connection = sqlite3.connect(folder / "agent.db")
    connection.execute("INSERT INTO migrations VALUES (9999, 'future', 'x')")
    connection.commit()
    connection.close()


def half_a_sqlite(folder: Path) -> None:
    """Cut the closed store off in the middle."""
    copy(folder / "agent.db", folder / "whole.db")
    data = (folder / "whole.db").read_bytes()
    for path in folder.glob("agent.db*"):
        path.unlink()
    (folder / "agent.db").write_bytes(data[: len(data) // 2])


@dataclass(frozen=True)
class StoreKind:
    """A store, and what the contract does to it from outside."""

    open: Callable[[Path], Kept]
    from_backup: Callable[[Path, Path], Kept]
    make_newer: Callable[[Path], None]
    cut_off: Callable[[Path], None]


STORES = {
    "sqlite": StoreKind(open_sqlite, sqlite_from_backup, newer_sqlite, half_a_sqlite)
}
"""A second store is added here, and passes the contract unchanged."""


@pytest.fixture(params=sorted(STORES))
def kind(request: pytest.FixtureRequest) -> StoreKind:
    """Return the kind of store under test."""
    return STORES[request.param]


@pytest.fixture
def opener(kind: StoreKind, tmp_path: Path) -> Iterator[Open]:
    """Return what opens the store under test; all are closed afterwards."""
    opened: list[Kept] = []

    def open_again() -> Kept:
        while opened:
            kept = opened.pop()
            kept.store.close()
            kept.log.close()
        opened.append(kind.open(tmp_path))
        return opened[-1]

    yield open_again
    for kept in opened:
        kept.store.close()
        kept.log.close()


@pytest.fixture
def kept(opener: Open) -> Kept:
    """Return the store under test, opened."""
    return opener()
