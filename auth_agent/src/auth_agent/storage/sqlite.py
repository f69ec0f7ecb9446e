"""SQLite as the store: one writer thread, group commit, an outbox for records."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from auth_agent.audit.chain import Pending
from auth_agent.errors import StoreUnavailableError
from auth_agent.storage import copies
from auth_agent.storage.connection import SqliteReader, SqliteTransaction, connect
from auth_agent.storage.work import Change, Errand, Work, settle

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from auth_agent.audit.log import AuditLog
    from auth_agent.clock import Clock
    from auth_agent.storage.store import Reader, Transaction

T = TypeVar("T")

GROUP = 256
"""How many works share one commit at most."""

_FIX = "see `auth-agent check-config` and the disk's free space, then try again"


class SqliteStore:
    """The store contract (`auth_agent.storage.store.Store`) on one SQLite file.

    The file must have been migrated. Records that a crash kept from the audit log
    are brought there at `start`, before anything else is written.
    """

    def __init__(self, path: Path, *, audit: AuditLog, clock: Clock) -> None:
        self._path = path
        self._audit = audit
        self._clock = clock
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._read_connection = connect(path)
        self._reader = SqliteReader(self._read_connection)
        self._thread = threading.Thread(target=self._run, name="store-writer")
        self._recorded = 0  # outbox rows up to this rowid stand in the audit log
        self._healthy = True

    @property
    def healthy(self) -> bool:
        """See `Store.healthy`."""
        return self._healthy

    def start(self) -> None:
        """See `Store.start`."""
        self._writer = connect(self._path)
        self._flush_outbox()
        self._thread.start()

    def close(self) -> None:
        """See `Store.close`."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
            self._writer.close()
        self._read_connection.close()

    def read(self, work: Callable[[Reader], T]) -> T:
        """See `Store.read`."""
        return work(self._reader)

    async def write(
        self,
        work: Callable[[Transaction], T],
        applied: Callable[[T], None] | None = None,
    ) -> T:
        """See `Store.write`."""
        return await self._ask(Change(work, applied))

    async def with_log(self, work: Callable[[AuditLog], T]) -> T:
        """See `Store.with_log`."""
        return await self._ask(Errand(work))

    def backup(self, target: Path) -> None:
        """See `Store.backup`."""
        copies.copy(self._path, target)

    async def _ask(self, work: Change[T] | Errand[T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        work.loop, work.future = loop, future
        self._queue.put(work)
        return await future

    def _run(self) -> None:
        stop = False
        while not stop:
            batch = [self._queue.get()]
            while len(batch) < GROUP:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            stop = None in batch
            works = [work for work in batch if work is not None]
            self._group([work for work in works if isinstance(work, Change)])
            for errand in works:
                if isinstance(errand, Errand):
                    errand.run(self._audit)
            for loop in {work.loop for work in works}:
                done = [work for work in works if work.loop is loop]
                loop.call_soon_threadsafe(settle, done)

    def _group(self, changes: list[Change[Any]]) -> None:
        if not changes:
            return
        try:
            if not self._healthy:
                # A change is only made when its record can be written; the left-over
                # ones show whether that is so again.
                self._flush_outbox()
            self._commit(changes)
            pending = [one for change in changes for one in change.records]
            if pending:
                self._audit.append(pending)
                self._recorded = self._last_row()
            self._healthy = True
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is promised
            self._healthy = False
            unavailable = StoreUnavailableError(
                f"no change can be made: {error}", fix=_FIX
            )
            for change in changes:
                change.error = change.error or unavailable

    def _commit(self, changes: list[Change[Any]]) -> None:
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        try:
            if self._recorded:
                writer.execute("DELETE FROM outbox WHERE row <= ?", (self._recorded,))
            for change in changes:
                self._attempt(writer, change)
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            for change in changes:
                change.records = []
            raise
        self._recorded = 0
        for change in changes:
            change.committed = change.error is None

    def _attempt(self, writer: sqlite3.Connection, change: Change[Any]) -> None:
        transaction = SqliteTransaction(writer, self._clock)
        writer.execute("SAVEPOINT work")
        try:
            change.result = change.call(transaction)
            change.records = transaction.records
        except Exception as error:
            if not writer.in_transaction:
                raise  # SQLite undid the whole group (disk full, corrupt)
            writer.execute("ROLLBACK TO work")
            change.error = error
        writer.execute("RELEASE work")

    def _flush_outbox(self) -> None:
        rows = self._writer.execute(
            "SELECT id, micros, body FROM outbox ORDER BY row"
        ).fetchall()
        if rows:
            known = self._audit.recent_ids(len(rows))
            left = [Pending(*row) for row in rows if row[0] not in known]
            if left:
                self._audit.append(left)
            self._recorded = self._last_row()

    def _last_row(self) -> int:
        row = self._writer.execute("SELECT max(row) FROM outbox").fetchone()
        return int(row[0] or 0)
