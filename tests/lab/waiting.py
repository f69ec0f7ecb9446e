"""Waiting for a condition, with a limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def eventually(
    condition: Callable[[], object],
    what: str,
    *,
    seconds: float = 60,
    pause: float = 0.2,
) -> None:
    """Return once *condition* holds; fail with *what* after *seconds*.

    It is asked every *pause* seconds.
    """
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"after {seconds:.0f} s still not: {what}")
        time.sleep(pause)
