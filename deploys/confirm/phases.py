"""The phases of a commit, and who is told when one begins."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Phase(StrEnum):
    """What the controller is about to do."""

    ARM = "arm"
    SWITCH = "switch"
    PROVE = "prove"
    CONFIRM = "confirm"
    ROLL_BACK = "roll back"
    DONE = "done"


OBSERVERS: list[Callable[[Phase], None]] = []
"""Called in this process as a phase begins, on the greenlet that carries it out.

Empty in production; fault tests end the process from here.
"""


def entered(phase: Phase) -> None:
    """Tell every observer that *phase* begins."""
    for observer in OBSERVERS:
        observer(phase)
