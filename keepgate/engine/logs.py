"""Files for what nobody reads unless something went wrong; all 0600, in 0700."""

from __future__ import annotations

import os
import traceback
from typing import IO, TYPE_CHECKING

from keepgate.inventory.home import home

if TYPE_CHECKING:
    from pathlib import Path


def path(name: str) -> Path:
    """Return where the log *name* is kept; its folder exists then.

    Raises:
        KeepgateError: the state folder cannot be used.
    """
    folder = home() / "log"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{name}.txt"


def of_host(name: str) -> Path:
    """Return where what libraries say of the run on host *name* is kept."""
    return path(f"host-{name}")


def fresh(file: Path) -> IO[bytes]:
    """Return *file*, open for writing and empty: only the last run's is kept."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
    return os.fdopen(os.open(file, flags, 0o600), "wb")


def crash(error: BaseException) -> Path:
    """Keep the trace of *error*, which nobody expected, and return where."""
    file = path("crash")
    with fresh(file) as log:
        log.write("".join(traceback.format_exception(error)).encode())
    return file
