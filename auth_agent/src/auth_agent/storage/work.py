"""What the writer's thread is asked to do, and how the answer comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from auth_agent.audit.chain import Pending
    from auth_agent.audit.log import AuditLog
    from auth_agent.storage.store import Transaction

T = TypeVar("T")


@dataclass(eq=False)
class Change(Generic[T]):
    """A change, the records it makes, and what came of it."""

    call: Callable[[Transaction], T]
    applied: Callable[[T], None] | None = None
    loop: asyncio.AbstractEventLoop = field(init=False)
    future: asyncio.Future[T] = field(init=False)
    records: list[Pending] = field(default_factory=list)
    result: T = field(init=False)
    error: BaseException | None = None
    committed: bool = False

    def settle(self) -> None:
        """Bring memory up to date, then tell the caller."""
        if self.committed and self.applied is not None:
            try:
                self.applied(self.result)
            except Exception as error:  # noqa: BLE001 - the others must be settled too
                self.error = self.error or error
        if self.future.done():  # the caller was cancelled; the change stands
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


@dataclass(eq=False)
class Errand(Generic[T]):
    """Something done with the audit log by its only user, the writer's thread."""

    call: Callable[[AuditLog], T]
    loop: asyncio.AbstractEventLoop = field(init=False)
    future: asyncio.Future[T] = field(init=False)
    result: T = field(init=False)
    error: BaseException | None = None

    def run(self, log: AuditLog) -> None:
        """Do it; what it raises is the caller's."""
        try:
            self.result = self.call(log)
        except Exception as error:  # noqa: BLE001 - raised again where it was asked for
            self.error = error

    def settle(self) -> None:
        """Tell the caller."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


Work = Change[Any] | Errand[Any]
"""Whatever its result."""


def settle(works: Sequence[Work]) -> None:
    """Settle *works* in their order."""
    for work in works:
        work.settle()
