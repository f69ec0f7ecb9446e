"""Time as a parameter: nothing in the agent reads a clock of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for records and expiry, monotonic time for limits while running."""

    def now(self) -> datetime:
        """Return the aware UTC time, with microseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back while the process lives."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the aware UTC time, with microseconds."""
        return datetime.now(UTC)

    # As it is: the gate reads it on every request.
    monotonic = staticmethod(time.monotonic)


@dataclass
class ManualClock:
    """A clock that moves only when told to; for tests and replays."""

    current: datetime = datetime(2030, 1, 1, tzinfo=UTC)
    seconds: float = 1_000.0

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self.current

    def monotonic(self) -> float:
        """Return the seconds it was advanced to."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by *seconds*."""
        self.current += timedelta(seconds=seconds)
        self.seconds += seconds

    def set_back(self, seconds: float) -> None:
        """Move the wall clock back by *seconds*; the monotonic clock stands still."""
        self.current -= timedelta(seconds=seconds)


MAX_BEHIND = 300
"""Seconds that the wall clock may fall back before logins are refused."""


class Timeline:
    """Time that never goes back, and a watch on the wall clock.

    *highest* is the latest wall time seen by an earlier process, in microseconds.
    """

    def __init__(self, clock: Clock, highest: int = 0) -> None:
        self._clock = clock
        self.restart(highest)

    def restart(self, highest: int = 0) -> None:
        """Count from the wall clock anew, or from *highest* if that is later."""
        self._base = self._seen = max(highest, to_micros(self._clock.now()))
        self._base_seconds = self._seen_seconds = self._clock.monotonic()

    def micros(self) -> int:
        """Return microseconds since the epoch that only ever go forward.

        For expiry and limits: a jump of the wall clock, either way, changes nothing
        before the process is started again.
        """
        return self._base + self._elapsed(self._base_seconds)

    def highest(self) -> int:
        """Return the latest wall time seen, carried on by the monotonic clock."""
        wall, seconds = to_micros(self._clock.now()), self._clock.monotonic()
        if wall > self._seen + self._elapsed(self._seen_seconds):
            self._seen, self._seen_seconds = wall, seconds
        return self._seen + self._elapsed(self._seen_seconds)

    def behind(self) -> int:
        """Return how many seconds the wall clock is behind, 0 if within bounds."""
        behind = (self.highest() - to_micros(self._clock.now())) // 1_000_000
        return behind if behind > MAX_BEHIND else 0

    def ahead(self) -> int:
        """Return how many seconds the wall clock has jumped ahead since the start."""
        return (to_micros(self._clock.now()) - self.micros()) // 1_000_000

    def _elapsed(self, since: float) -> int:
        return round((self._clock.monotonic() - since) * 1_000_000)


def to_micros(moment: datetime) -> int:
    """Return *moment* as microseconds since the epoch, the form it is stored in."""
    if moment.tzinfo is None:
        message = "a moment needs a time zone"
        raise ValueError(message)
    return (moment - _EPOCH) // _MICRO


def from_micros(micros: int) -> datetime:
    """Return the aware UTC time of *micros* since the epoch; exact."""
    return _EPOCH + timedelta(microseconds=micros)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
