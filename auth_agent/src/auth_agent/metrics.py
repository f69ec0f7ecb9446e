"""Counters of what happened since the start, for the metrics page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Named counters; used on the event loop only."""

    def __init__(self) -> None:
        self._counters: Counter[tuple[str, Labels]] = Counter()

    def count(self, name: str, **labels: str) -> None:
        """Add one."""
        self._counters[name, tuple(sorted(labels.items()))] += 1

    def snapshot(self) -> Mapping[tuple[str, Labels], int]:
        """Return every counter by name and sorted labels."""
        return dict(self._counters)
