"""Copies of the database that are consistent while it is written to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from auth_agent.storage.connection import connect

if TYPE_CHECKING:
    from pathlib import Path


def copy(source: Path, target: Path) -> None:
    """Write the database *source* to the new file *target* (0600), durably.

    The copy is made beside *target* and gets its name when it is whole, so that a
    half-written one is never taken for a backup.

    Raises:
        FileExistsError: *target* is there already.
    """
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    create_private(part)
    reading = connect(source, read_only=True)
    try:
        writing = connect(part)
        try:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside
        finally:
            writing.close()
    finally:
        reading.close()
    descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.link(part, target)  # unlike a rename, this never replaces
    part.unlink()


def create_private(path: Path) -> None:
    """Create the empty file *path*, readable by its owner only from the start.

    Raises:
        FileExistsError: it is there already.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(path, flags, 0o600))
