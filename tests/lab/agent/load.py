"""Requests with a live session, one after another, while something happens."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPSConnection

CLIENTS = 4
PAUSE = 0.02
"""Seconds that a client takes between two requests: the load is bounded."""


@dataclass(frozen=True)
class Answered:
    """One request: when it began and ended, and the status, 0 without an answer."""

    began: float
    ended: float
    status: int


@dataclass
class Load:
    """What all clients met with."""

    answers: list[Answered] = field(default_factory=list)

    @property
    def statuses(self) -> set[int]:
        """Every status that came."""
        return {one.status for one in self.answers}

    @property
    def gap(self) -> float:
        """Seconds from the first request that failed to the end of the last one."""
        failed = [one for one in self.answers if one.status != 200]
        if not failed:
            return 0.0
        return max(one.ended for one in failed) - min(one.began for one in failed)

    @property
    def told(self) -> str:
        """Figures for the reader."""
        failed = sum(one.status != 200 for one in self.answers)
        slowest = max(one.ended - one.began for one in self.answers)
        return (
            f"{len(self.answers)} requests, {failed} answered with 502 or 503 within "
            f"{self.gap:.2f} s, the slowest took {slowest:.2f} s"
        )


@contextmanager
def under_load(
    connect: Callable[[], HTTPSConnection], path: str, headers: dict[str, str]
) -> Iterator[Load]:
    """Have clients ask for *path* for as long as the block lasts."""
    load, over = Load(), threading.Event()

    def client() -> None:
        connection = connect()
        while not over.is_set():
            began = time.monotonic()
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, HTTPException):
                connection.close()
                status = 0
            load.answers.append(Answered(began, time.monotonic(), status))
            over.wait(PAUSE)
        connection.close()

    threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
