"""A request's headers, as granian gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Headers:
    """Headers as granian gives them; their names are in lower case."""

    pairs: list[tuple[str, str]]

    def __contains__(self, key: str) -> bool:
        """Whether there is such a header."""
        return any(name == key for name, _ in self.pairs)

    def get(self, key: str) -> object:
        """Return the first value."""
        return next((value for name, value in self.pairs if name == key), None)

    def get_all(self, key: str) -> Sequence[str]:
        """Return all values."""
        return [value for name, value in self.pairs if name == key]

    def items(self) -> Sequence[tuple[str, str]]:
        """Return all headers."""
        return self.pairs
