"""The log's files: numbered segments that are only ever appended to.

A segment is `NNNNNN.jsonl` in the audit folder (0700). Nothing here renames,
truncates or rewrites, so that the file system's append-only flag (`chattr +a`)
may be on. Rotation opens the next number.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = re.compile(r"([0-9]{6,})\.jsonl")
_CHUNK = 1 << 20
_LONG = struct.calcsize("l")
_GET_FLAGS = 2 << 30 | _LONG << 16 | ord("f") << 8 | 1  # linux/fs.h
_APPEND = 0x20


@dataclass(frozen=True)
class Segment:
    """One file of the log."""

    number: int
    path: Path


def segments(folder: Path) -> list[Segment]:
    """Return the folder's segments in order; other files are passed over."""
    found = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            found.append(Segment(int(match[1]), path))
    return sorted(found, key=lambda segment: segment.number)


def segment_path(folder: Path, number: int) -> Path:
    """Return where segment *number* stands."""
    return folder / f"{number:06d}.jsonl"


def create(folder: Path, number: int) -> int:
    """Create segment *number* (0600) durably and return its descriptor.

    Raises:
        FileExistsError: the segment is there already.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(segment_path(folder, number), flags, 0o600)
    sync_folder(folder)
    return descriptor


def reopen(path: Path) -> int:
    """Return a descriptor that can only append to an existing segment.

    Raises:
        AgentError: the path is no regular file.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = f"{path} is no regular file"
        raise AgentError(message, fix="move it out of the folder")
    return descriptor


def sync_folder(folder: Path) -> None:
    """Make a new name in *folder* durable (fsync(2) of the directory)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Append all of *data*; a short write is continued.

    Raises:
        OSError: the file system takes no more; part of *data* may stand there.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def lines(path: Path, end: int | None = None) -> Iterator[bytes]:
    """Yield the segment's lines up to byte *end*, each with its newline.

    The last one lacks the newline when a write was torn.
    """
    with path.open("rb", buffering=_CHUNK) as file:
        if end is None:
            yield from file
            return
        left = end
        while left > 0 and (line := file.readline(left)):
            left -= len(line)
            yield line


def lines_back(path: Path, end: int | None = None) -> Iterator[bytes]:
    """Yield the segment's lines up to byte *end* from the last to the first."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        if end is not None:
            position = min(position, end)
        rest = b""
        while position > 0:
            step = min(_CHUNK, position)
            position -= step
            file.seek(position)
            found = split(file.read(step) + rest)
            # The first may go on further left.
            rest = found.pop(0) if position > 0 else b""
            yield from reversed(found)
        if rest:
            yield rest


def is_append_only(path: Path) -> bool:
    """Whether the file system lets *path* only grow (FS_IOC_GETFLAGS; chattr(1), `a`).

    False where it knows no such flag.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = fcntl.ioctl(descriptor, _GET_FLAGS, bytes(_LONG))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return bool(struct.unpack("l", flags)[0] & _APPEND)


def remove(found: list[Segment], folder: Path) -> None:
    """Remove retired segments durably."""
    for segment in found:
        segment.path.unlink(missing_ok=True)
    sync_folder(folder)


def tail(path: Path, count: int) -> list[bytes]:
    """Return the last *count* lines, read from the end; a torn one counts."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        data = b""
        while position > 0 and data.count(b"\n") <= count:
            step = min(_CHUNK, position)
            position -= step
            file.seek(position)
            data = file.read(step) + data
    return split(data)[-count:]


def split(data: bytes) -> list[bytes]:
    """Return *data* in lines with their newlines; only a newline ends one."""
    parts = data.split(b"\n")
    last = parts.pop()
    return [part + b"\n" for part in parts] + ([last] if last else [])
