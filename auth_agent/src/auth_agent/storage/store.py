"""The contract of a store; SQLite keeps it today, others pass the same suite.

All SQL is plain and portable: `?` parameters, `RETURNING`, `ON CONFLICT`. Times
are microseconds since the epoch (`auth_agent.clock`), ids are text, secrets are
hashed or sealed before they come here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from auth_agent.audit.log import AuditLog
    from auth_agent.audit.record import Record

T = TypeVar("T")
Value = str | int | float | bytes | None
Row = tuple[Value, ...]


class Reader(Protocol):
    """A consistent view for reading."""

    def one(self, sql: str, parameters: Sequence[Value] = ()) -> Row | None:
        """Return the first row, or None."""
        ...

    def all(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return all rows."""
        ...

    def each(self, sql: str, parameters: Sequence[Value] = ()) -> Iterator[Row]:
        """Give the rows one by one, for tables that need not fit into memory."""
        ...


class Transaction(Reader, Protocol):
    """A change in the making; all of it happens, or none of it."""

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run a statement and return how many rows it touched."""
        ...

    def record(self, record: Record) -> None:
        """Make *record* part of this change: neither exists without the other."""
        ...


class Store(Protocol):
    """One owner of the state; safe to call from one event loop."""

    @property
    def healthy(self) -> bool:
        """Whether the last attempt to make a change durable succeeded."""
        ...

    def start(self) -> None:
        """Bring left-over records to the audit log and begin to take work.

        Raises:
            StoreUnavailableError: the left-over records cannot be written.
        """
        ...

    def close(self) -> None:
        """Finish the queued work and stop; safe to call twice."""
        ...

    def read(self, work: Callable[[Reader], T]) -> T:
        """Return what *work* reads, at once and on the calling thread.

        Sees every change that a finished `write` made.
        """
        ...

    async def write(
        self,
        work: Callable[[Transaction], T],
        applied: Callable[[T], None] | None = None,
    ) -> T:
        """Carry out *work* and return its result once it is durable.

        Durable means: the change is committed and synced, and the records that
        it made stand in the audit log and are synced. Works queued at the same
        time share one sync; each is still atomic by itself, and an exception in
        one undoes that one only and is raised here. *work* runs on the writer's
        thread, must not block and must not keep the transaction.

        *applied* brings what the process holds in memory up to date. It is called
        with the result, on the loop, once for every change that was committed, in
        their order, before the caller goes on; also when the caller has been
        cancelled meanwhile, or its record could not be written yet.

        Raises:
            StoreUnavailableError: the store or the audit log cannot take a change
                now (disk full, locked, unwritable); nothing was acknowledged.
        """
        ...

    async def with_log(self, work: Callable[[AuditLog], T]) -> T:
        """Return what *work* does with the audit log, between changes.

        Raises:
            StoreUnavailableError: the log cannot be written.
        """
        ...

    def backup(self, target: Path) -> None:
        """Write a consistent copy to *target* (0600) while changes go on.

        Blocks: to be called on a thread of its own.

        Raises:
            FileExistsError: *target* is there already.
        """
        ...
