"""The worker's voice: deploy code's progress, turned into events."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from gevent import getcurrent
from typing_extensions import override

from deploys.common.progress import Level, Listener
from deploys.confirm.phases import Phase
from keepgate.engine import events
from keepgate.engine.meter import METER, Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gevent import Greenlet

    from deploys.common.changes import Plan
    from deploys.common.errors import KeepgateError

UNDECIDED: Final = frozenset(Phase) - {Phase.DONE}
"""Phases in which the host may have something armed."""


class Emitter(Listener):
    """Writes events to the parent and keeps count.

    *topic* and *step* say where a commit stands, *committing* which greenlet
    carries it out. *error* is what ended the run on this host.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._open: dict[str, tuple[float, Meter]] = {}
        self.changes = 0
        self.error: KeepgateError | None = None
        self.topic = ""
        self.step: Phase | None = None
        self.committing: Greenlet | None = None

    @property
    def undecided(self) -> bool:
        """Whether a commit is neither confirmed nor undone, as far as we know."""
        return self.step in UNDECIDED and self.error is None

    def emit(self, event: events.Event) -> None:
        """Tell the parent.

        Raises:
            BrokenPipeError: the parent is gone.
        """
        data = memoryview(events.encode(event))
        while data:
            data = data[os.write(self._descriptor, data) :]

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what runs inside as the part *name* of the run."""
        self.phase_started(name)
        try:
            yield
        finally:
            self.phase_ended(name)

    def commit_phase(self, phase: Phase) -> None:
        """Take that a commit goes on; called on the greenlet that carries it out."""
        self.step = phase
        self.committing = getcurrent()
        self.emit(events.Commit(str(phase), phase in UNDECIDED))

    @override
    def notice(self, text: str, level: Level) -> None:
        self.emit(events.Notice(level, text))

    @override
    def phase_started(self, name: str) -> None:
        self._open[name] = (time.monotonic(), METER.copy())
        self.emit(events.PhaseStarted(name))

    @override
    def phase_ended(self, name: str) -> None:
        began, before = self._open.pop(name)
        self.emit(
            events.PhaseEnded(
                name,
                round(time.monotonic() - began, 3),
                METER.connections - before.connections,
                METER.channels - before.channels,
                METER.received - before.received,
                METER.sent - before.sent,
            )
        )

    @override
    def planned(self, plan: Plan) -> None:
        self.topic, self.step = plan.topic, None
        self.changes += plan.changes
        self.emit(shown(plan))

    @override
    def untouched(self, plan: Plan) -> None:
        self.changes -= plan.changes

    @override
    def failed(self, error: KeepgateError) -> None:
        self.error = error


def shown(plan: Plan) -> events.Planned:
    """Return *plan* as an event."""
    return events.Planned(
        plan.topic,
        [
            *(action.summary for action in plan.before),
            *(change.summary for change in plan.files),
            *(action.summary for action in plan.after),
        ],
        [
            events.Diff(change.path, text)
            for change in plan.files
            if (text := change.diff())
        ],
        list(plan.notes),
    )
