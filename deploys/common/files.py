"""Reading many paths of a host in one batch, and comparing with what is wanted."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pyinfra.api.exceptions import FactProcessError

from deploys.common.changes import Directory, FileChange, FileState, Foreign

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from deploys.common.batch import Output

Observed = FileState | Directory | Foreign | None

_READ = (
    "if [ -e {p} ] || [ -L {p} ]; then stat -c '%F|%U|%G|%a' -- {p}; "
    "[ ! -f {p} ] || [ -L {p} ] || cat -- {p}; fi"
)


def sections(paths: Iterable[str]) -> dict[str, str]:
    """Return a batch section per path, named `file:PATH`."""
    return {f"file:{path}": _READ.format(p=shlex.quote(path)) for path in paths}


def observed(answers: Mapping[str, Output]) -> dict[str, Observed]:
    """Return the state of every path asked for by `sections`, by path."""
    return {
        name.removeprefix("file:"): _state(name, output)
        for name, output in answers.items()
        if name.startswith("file:")
    }


def _state(name: str, output: Output) -> Observed:
    if not output.data:
        return None
    head, _, content = output.data.partition(b"\n")
    try:
        kind, user, group, mode = head.decode().split("|")
        bits = int(mode, 8)
    except ValueError as error:
        message = f"{name}: stat answered {head!r}"
        raise FactProcessError(message) from error
    if kind in ("regular file", "regular empty file"):
        return FileState(content, user, group, bits)
    if kind == "directory":
        return Directory(user, group, bits)
    return Foreign(kind)


def changes(
    wanted: Mapping[str, FileState | Directory | None],
    seen: Mapping[str, Observed],
) -> tuple[FileChange, ...]:
    """Return what to do so that every wanted path is as wanted; nothing if it is.

    Order is that of *wanted*; a directory therefore stands before its files.
    """
    return tuple(
        FileChange(path, seen.get(path), state)
        for path, state in wanted.items()
        if seen.get(path) != state
    )
