"""Which sockets listen, and for whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Listener:
    """A listening socket."""

    protocol: str
    address: str
    port: int
    program: str

    @property
    def is_local(self) -> bool:
        """Whether only the host itself can reach it."""
        return self.address.startswith("127.") or self.address in ("::1", "[::1]")

    @override
    def __str__(self) -> str:
        return f"{self.program or 'unknown'} on {self.protocol} {self.port}"


def listeners(lines: Iterable[str]) -> list[Listener]:
    """Return the sockets in what `ss -H -l -n -t -u -p` says."""
    found = []
    for line in lines:
        fields = line.split()
        address, _, port = fields[4].rpartition(":")
        address = address.partition("%")[0].strip("[]")
        program = re.search(r'users:\(\("([^"]+)"', line)
        found.append(
            Listener(fields[0], address, int(port), program[1] if program else "")
        )
    return found
