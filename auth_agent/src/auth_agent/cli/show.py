"""Results as people read them on a terminal: tables, or `name: value` lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from auth_agent.clock import from_micros

_TIMES = frozenset(
    {
        "created",
        "expires",
        "last_login",
        "last_used",
        "locked_until",
        "seen",
        "since",
        "until",
    }
)
_HIDDEN = frozenset({"user_agent", "session", "request_id", "details"})


def lines_of(result: object) -> Iterator[str]:
    """Give *result* line by line."""
    if isinstance(result, Mapping):
        if isinstance(text := result.get("text"), str):
            yield from text.splitlines()
            return
        yield from _record(result)
    elif isinstance(result, list):
        yield from _table(result)
    elif result is None:
        yield "done"
    else:
        yield safe(str(result))


def write(line: str) -> None:
    """Print *line* as it is; on a terminal without what could command that."""
    sys.stdout.write(f"{safe(line) if sys.stdout.isatty() else line}\n")


def safe(text: str) -> str:
    """Return *text* without what could command a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _record(record: Mapping[str, object]) -> Iterator[str]:
    for name, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _table(value)
        elif isinstance(value, Mapping):
            yield f"{name}:"
            for inner, text in value.items():
                yield f"  {safe(str(inner))}: {_text(str(inner), text)}"
        else:
            yield f"{name}: {_text(name, value)}"


def _table(rows: Iterable[object]) -> Iterator[str]:
    records = [row for row in rows if isinstance(row, Mapping)]
    if not records:
        yield "none"
        return
    names = [name for name in records[0] if name not in _HIDDEN]
    cells = [names] + [[_text(name, row[name]) for name in names] for row in records]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    for row in cells:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        yield "  ".join(padded).rstrip()


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _TIMES and isinstance(value, int):
        return f"{from_micros(value):%Y-%m-%d %H:%M}Z" if value else "-"
    if isinstance(value, list):
        return safe(", ".join(map(str, value))) or "-"
    return safe(str(value)) if value not in {"", None} else "-"
