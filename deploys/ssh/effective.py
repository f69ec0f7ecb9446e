"""What `sshd -T` says: the configuration that sshd itself has understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Effective:
    """The keywords of one `sshd -T`, in lower case, with every value they have.

    Keywords that may stand several times (`port`, `hostkey`, `allowgroups`) have
    several values; sshd prints one per line.
    """

    values: dict[str, tuple[str, ...]]

    @classmethod
    def parse(cls, text: str) -> Effective:
        """Return the configuration that *text* lists, a `keyword value` per line."""
        values: dict[str, tuple[str, ...]] = {}
        for line in text.splitlines():
            keyword, _, value = line.strip().partition(" ")
            if keyword:
                known = values.get(keyword.lower(), ())
                values[keyword.lower()] = (*known, value.strip())
        return cls(values)

    def knows(self, keyword: str) -> bool:
        """Whether this sshd has *keyword*; some exist in Debian's build only."""
        return keyword.lower() in self.values

    def all(self, keyword: str) -> tuple[str, ...]:
        """Return every value of *keyword*, none if sshd prints none."""
        return self.values.get(keyword.lower(), ())

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return the words of every value of *keyword*."""
        return tuple(word for value in self.all(keyword) for word in value.split())

    def get(self, keyword: str, default: str = "") -> str:
        """Return the only value of *keyword*."""
        values = self.all(keyword)
        return values[0] if values else default

    def lacks(self, expected: Iterable[str]) -> tuple[str, ...]:
        """Return those of the lines `keyword value` that are not in effect."""
        return tuple(
            line
            for line in expected
            if line.partition(" ")[2] not in self.all(line.partition(" ")[0])
        )
