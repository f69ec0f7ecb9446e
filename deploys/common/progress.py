"""How deploy code tells what it is doing, whoever runs it.

The engine registers a `Listener` and draws; under pyinfra's own command line
there is none, and everything goes through pyinfra's logger.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from pyinfra import logger
from pyinfra.context import ctx_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploys.common.changes import Plan
    from deploys.common.errors import KeepgateError

Level = Literal["info", "warning", "error"]


class Listener:
    """Receives what happens on a host; a subclass overrides what it cares for.

    Called in the process and greenlet that works on the host; must not block.
    """

    def notice(self, text: str, level: Level) -> None:
        """Take a remark for the operator, one sentence of plain text."""

    def phase_started(self, name: str) -> None:
        """Take that a part of the run begins (`preflight`, a topic's name...)."""

    def phase_ended(self, name: str) -> None:
        """Take that the part ended, well or not."""

    def planned(self, plan: Plan) -> None:
        """Take what is about to be changed; never called for an empty plan."""

    def untouched(self, plan: Plan) -> None:
        """Take that nothing stands of a plan that was told: refused, or undone."""

    def failed(self, error: KeepgateError) -> None:
        """Take the error that ends the run on this host; called once, last."""


_listeners: list[Listener] = []


def listen(listener: Listener) -> Callable[[], None]:
    """Let *listener* receive everything from now on; the answer ends that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def notice(text: str, level: Level = "info") -> None:
    """Tell the operator something, one sentence of plain text."""
    if not _listeners:
        _log(text, level)
    for listener in tuple(_listeners):
        listener.notice(text, level)


def planned(plan: Plan) -> None:
    """Tell what is about to be changed."""
    if not _listeners:
        summaries = [
            *(action.summary for action in plan.before),
            *(change.summary for change in plan.files),
            *(action.summary for action in plan.after),
        ]
        for summary in summaries:
            _log(f"{plan.topic}: {summary}", "info")
    for listener in tuple(_listeners):
        listener.planned(plan)


def untouched(plan: Plan) -> None:
    """Tell that nothing stands of *plan*: it was refused, or undone."""
    for listener in tuple(_listeners):
        listener.untouched(plan)


def failed(error: KeepgateError) -> None:
    """Tell the error that ends the run on this host."""
    if not _listeners:
        for line in str(error).splitlines():
            _log(line, "error")
    for listener in tuple(_listeners):
        listener.failed(error)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Mark what runs inside as the part *name* of the run."""
    for listener in tuple(_listeners):
        listener.phase_started(name)
    try:
        yield
    finally:
        for listener in tuple(_listeners):
            listener.phase_ended(name)


def _log(text: str, level: Level) -> None:
    say = {"info": logger.info, "warning": logger.warning, "error": logger.error}[level]
    known = ctx_host.isset()
    prefix = ctx_host.get().print_prefix if known else ""
    say(f"{prefix}{text}")
