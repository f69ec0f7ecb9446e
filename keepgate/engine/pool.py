"""The parent's side: starting workers, hearing what they tell, ending them."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from keepgate.engine import events, launch, logs, wire
from keepgate.engine.interrupts import Interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from keepgate.engine.job import Job

GRACE: Final = 15.0
"""Seconds that interrupted workers get to take back what they have begun."""

AT_ONCE: Final = 20
"""Workers that run at the same time; more hosts wait for their turn."""


@dataclass
class _Worker:
    """One running worker: the pipe it writes to, and what is not yet understood."""

    name: str
    pipe: int
    pid: int
    rest: bytes = b""
    ended: bool = False
    armed: bool = False


class Pool:
    """A zygote and its workers, for as long as the `with` block lasts.

    The zygote (one that `launch.ahead` started, if any) warms up while the caller goes
    on; the first `run` waits for it.
    Meanwhile SIGINT, SIGTERM and SIGHUP raise nothing: *interrupts* counts them.
    """

    def __init__(self) -> None:
        self.interrupts = Interrupts()
        self._workers: dict[int, _Worker] = {}
        self._log = logs.path("engine")
        self._warm = False
        self._deadline: float | None = None
        with logs.fresh(self._log) as log:
            self._zygote = launch.take(log.fileno())

    def __enter__(self) -> Self:
        self.interrupts.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._signal_workers(signal.SIGKILL)
        self._zygote.control.close()
        if not self._warm:
            self._zygote.kill()  # it has no workers yet and nothing to tidy up
        try:
            self._zygote.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._zygote.kill()
        self.interrupts.__exit__(kind, error, trace)

    def run(
        self, jobs: Mapping[str, Job], at_once: int = AT_ONCE
    ) -> Iterator[tuple[str, events.Event]]:
        """Do *jobs*, *at_once* at a time; yield what their workers tell, by host.

        The last event of each host that was begun is `Ended`, whatever became of
        its worker. After the first interrupt no host is begun and the workers get
        `GRACE` seconds to end in good order; after the second they are killed.
        """
        waiting = deque(jobs.items())
        with selectors.DefaultSelector() as selector:
            selector.register(self.interrupts, selectors.EVENT_READ)
            while self._workers or (waiting and not self.interrupts.count):
                while (
                    waiting
                    and len(self._workers) < at_once
                    and not self.interrupts.count
                ):
                    yield from self._start(selector, *waiting.popleft())
                self._mind_interrupts()
                for key, _ in selector.select(self._patience()):
                    if key.fileobj is self.interrupts:
                        self.interrupts.drain()
                    else:
                        yield from self._hear(selector, self._workers[key.fd])

    def _start(
        self, selector: selectors.BaseSelector, name: str, job: Job
    ) -> Iterator[tuple[str, events.Event]]:
        reader, writer = os.pipe()
        try:
            if not self._warmed_up():
                os.close(reader)
                return
            wire.send(self._zygote.control, {"job": job.to_dict()}, writer)
            answer, _ = wire.receive(self._zygote.control)
        except wire.ClosedError:
            os.close(reader)
            yield name, self._lost()
            return
        finally:
            os.close(writer)
        self._workers[reader] = _Worker(name, reader, answer["pid"])
        selector.register(reader, selectors.EVENT_READ)
        yield name, events.Began()

    def _warmed_up(self) -> bool:
        """Wait for the zygote; return whether it is ready, False if interrupted."""
        while not self._warm:
            control = self._zygote.control
            select.select([control.fileno(), self.interrupts.fileno()], [], [])
            if self.interrupts.count:
                return False
            try:
                wire.receive(control)
                self._warm = True
            except wire.ClosedError:
                if not self._zygote.ahead:
                    raise
                # It died without a word; another one does well, or can tell why not.
                self._zygote.kill()
                with logs.fresh(self._log) as log:
                    self._zygote = launch.fresh(log.fileno())
        return True

    def _hear(
        self, selector: selectors.BaseSelector, worker: _Worker
    ) -> Iterator[tuple[str, events.Event]]:
        data = os.read(worker.pipe, 1 << 16)
        *lines, worker.rest = (worker.rest + data).split(b"\n")
        for line in lines:
            event = events.decode(line)
            if isinstance(event, events.Ended):
                worker.ended = True
            elif isinstance(event, events.Commit):
                worker.armed = event.armed
            yield worker.name, event
        if data:
            return
        selector.unregister(worker.pipe)
        os.close(worker.pipe)
        del self._workers[worker.pipe]
        status = self._status_of(worker)
        if not worker.ended:
            yield worker.name, _died(worker, status)

    def _status_of(self, worker: _Worker) -> int | None:
        """Return how the worker's process ended, None if that cannot be learnt."""
        try:
            wire.send(self._zygote.control, {"wait": worker.pid})
            answer, _ = wire.receive(self._zygote.control)
        except wire.ClosedError:
            return None
        status: int = answer["status"]
        return status

    def _mind_interrupts(self) -> None:
        if not self.interrupts.count:
            return
        if self._deadline is None:
            self._deadline = time.monotonic() + GRACE
            self._signal_workers(signal.SIGTERM)
        elif self.interrupts.count > 1 or time.monotonic() > self._deadline:
            self._signal_workers(signal.SIGKILL)

    def _patience(self) -> float | None:
        if self._deadline is None:
            return None
        return max(0.1, self._deadline - time.monotonic())

    def _lost(self) -> events.Ended:
        message = "no worker process could be started"
        return events.Ended("failed", message=message, fix=f"see {self._log}")

    def _signal_workers(self, which: signal.Signals) -> None:
        for worker in self._workers.values():
            with suppress(ProcessLookupError):
                os.kill(worker.pid, which)


def _died(worker: _Worker, status: int | None) -> events.Ended:
    how = "ended without a word"
    if status is not None and status < 0:
        how = f"was killed by {signal.Signals(-status).name}"
    fix = "run again; the next run goes on from what it finds"
    if worker.armed:
        fix = (
            "a change was being confirmed: unless it was, the host undoes it by itself "
            "when its timer fires (`confirm.timeout`); then look with `keepgate status`"
        )
    return events.Ended("failed", message=f"the worker process {how}", fix=fix)
