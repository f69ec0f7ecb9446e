"""Ctrl-C, and its kin, as something that is waited for like any other event."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ONE_WISH: Final = 0.5
"""Seconds in which further signals say the same: some programs hand on what the
terminal tells us, too."""


class Interrupts:
    """Counts the wishes to end while the `with` block lasts; raises nothing.

    Can be given to a selector, which then wakes up at each. An exception instead
    could come between an event's reading and its showing, and lose it.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last = 0.0
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for which in _SIGNALS:
            # Whoever started us with `nohup` wants us to survive its terminal.
            if signal.getsignal(which) is not signal.SIG_IGN:
                self._before[which] = signal.signal(which, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for which, handler in self._before.items():
            signal.signal(which, handler)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Return what becomes readable at an interrupt."""
        return self._reader

    def drain(self) -> None:
        """Forget that it is readable; the count stays."""
        with suppress(BlockingIOError):
            os.read(self._reader, 64)

    def _heard(self, _which: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.count and now - self._last < _ONE_WISH:
            return
        self._last = now
        self.count += 1
        with suppress(BlockingIOError):
            os.write(self._writer, b"!")
