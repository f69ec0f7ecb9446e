"""SQLite connections: how the file is opened, read and changed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from auth_agent.audit.chain import Pending, body
from auth_agent.clock import to_micros
from auth_agent.ids import random_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from auth_agent.audit.record import Record
    from auth_agent.clock import Clock
    from auth_agent.storage.store import Row, Value

BUSY_SECONDS = 5.0
"""How long a lock held by another process is waited for."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Return a connection with the pragmas that every use of the file needs.

    WAL lets readers go on beside the writer; `synchronous=FULL` makes a commit
    durable (sqlite.org/pragma.html#pragma_synchronous).
    """
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
    )
    if not read_only:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


class SqliteReader:
    """`Reader` on a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, sql: str, parameters: Sequence[Value] = ()) -> Row | None:
        """See `Reader.one`."""
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """See `Reader.all`."""
        return self._connection.execute(sql, parameters).fetchall()

    def each(self, sql: str, parameters: Sequence[Value] = ()) -> Iterator[Row]:
        """See `Reader.each`."""
        return self._connection.execute(sql, parameters)


class SqliteTransaction(SqliteReader):
    """`Transaction` on the writer's connection; its records gather in *records*."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        super().__init__(connection)
        self._clock = clock
        self.records: list[Pending] = []

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """See `Transaction.execute`."""
        return self._connection.execute(sql, parameters).rowcount

    def record(self, record: Record) -> None:
        """See `Transaction.record`."""
        micros = to_micros(self._clock.now())
        identity = random_id()
        text = body(record, identity=identity, micros=micros)
        self._connection.execute(
            "INSERT INTO outbox (id, micros, body) VALUES (?, ?, ?)",
            (identity, micros, text),
        )
        self.records.append(Pending(identity, micros, text))
