"""Sockets that are lost: who listens on a file that is gone is asked by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

INTERVAL = 1.0
"""Seconds between two looks at the sockets."""

_Place = tuple[int, int]


class Watch:
    """Looks at sockets, each of which shall stay the file that it was at first."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._first: dict[Path, _Place | None] = dict.fromkeys(paths)

    def look(self) -> Path | None:
        """Return a socket that was there and no longer is, or is another one now."""
        for path, first in self._first.items():
            place = _place(path)
            if first is None:
                self._first[path] = place
            elif place != first:
                return path
        return None

    async def until_lost(self) -> Path:
        """Return a socket that is not there, or no longer the one it was at first.

        Within INTERVAL of its loss. A removed socket cannot be put back (unix(7)): the
        process has to begin anew.
        """
        while True:
            if lost := self.look():
                return lost
            for path, first in self._first.items():
                if first is None:
                    return path
            await asyncio.sleep(INTERVAL)


def _place(path: Path) -> _Place | None:
    """Return which file is at *path*, None for none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
