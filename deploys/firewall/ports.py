"""Ports and ranges of ports in settings, and as nft writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, StrictInt, StrictStr

if TYPE_CHECKING:
    from collections.abc import Iterable

LAST: Final = 65535
_RANGE: Final = re.compile(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?")


def bounds(port: int | str) -> tuple[int, int]:
    """Return the first and the last port of a port or a range like `8000-8010`.

    Raises:
        ValueError: it is neither, or outside 1 to 65535, or runs backwards.
    """
    found = _RANGE.fullmatch(str(port).strip())
    if found is None:
        message = f"{str(port)[:50]!r} is no port; write 443 or a range like 8000-8010"
        raise ValueError(message)
    first, last = int(found[1]), int(found[2] or found[1])
    if not (1 <= first <= LAST and 1 <= last <= LAST):
        message = f"port {port} is out of range; ports are 1 to {LAST}"
        raise ValueError(message)
    if last < first:
        message = f"range {port} runs backwards; write {last}-{first}"
        raise ValueError(message)
    return first, last


def canonical(port: int | str) -> int | str:
    """Return *port* in its one spelling: a number, or `FIRST-LAST`."""
    first, last = bounds(port)
    return first if first == last else f"{first}-{last}"


Port = Annotated[
    StrictInt | StrictStr,
    AfterValidator(canonical),
    Field(
        title="port or range of ports",
        json_schema_extra={"examples": [443, "8000-8010"]},
    ),
]
"""A setting that holds a port, or a range of them."""


def merged(ports: Iterable[int | str]) -> tuple[str, ...]:
    """Return *ports* in order, each once, ranges that touch made one."""
    spans: list[tuple[int, int]] = []
    for first, last in sorted(bounds(port) for port in ports):
        if spans and first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return tuple(
        str(first) if first == last else f"{first}-{last}" for first, last in spans
    )


def covers(ports: Iterable[int | str], port: int) -> bool:
    """Whether *port* is one of *ports*."""
    spans = (bounds(one) for one in ports)
    return any(first <= port <= last for first, last in spans)
