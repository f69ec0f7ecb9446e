"""Lines for a terminal, wrapped below themselves; one line each for a pipe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

_LEAST: Final = 40
"""Cells that a text gets at least, however much leads it."""

_GAP: Final = 2
"""Cells between columns."""


@dataclass(frozen=True)
class Line:
    """A text that wraps below itself, after what leads it.

    Only a terminal makes it wrap, and never within a word: a path or an address can
    be copied. Print it with `soft_wrap`; for a pipe it is one line, for grep.
    """

    lead: Text
    body: Text

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Yield the lines as they fit."""
        del options
        parts = [self.body]
        if console.is_terminal:
            room = max(_LEAST, console.width - self.lead.cell_len)
            parts = _wrapped(self.body, room)
        lead = self.lead
        for part in parts:
            line = Text.assemble(lead, part)
            line.rstrip()
            yield line
            lead = Text(" " * self.lead.cell_len)


def _wrapped(text: Text, room: int) -> list[Text]:
    """Return *text* in lines of *room* cells; Rich's own wrapping breaks long words."""
    breaks: list[int] = []
    start = 0
    for word in re.finditer(r"\S+", text.plain):
        before = text.plain[start : word.start()]
        if before.strip() and cell_len(text.plain[start : word.end()]) > room:
            start = word.start()
            breaks.append(start)
    return list(text.divide(breaks))


def grid(
    rows: Iterable[Sequence[str | Text]],
    *,
    indent: int = 0,
    numbers: Collection[int] = (),
) -> list[Text]:
    """Return *rows* with their cells below each other, each as wide as it must be.

    The columns *numbers* stand to the right. Nothing follows a row's last cell.
    """
    cells = [[Text.assemble(cell) for cell in row] for row in rows]
    columns = zip(*cells, strict=True)
    widths = [max(cell.cell_len for cell in column) for column in columns]
    made = []
    for row in cells:
        line = Text(" " * indent)
        for at, (cell, wide) in enumerate(zip(row, widths, strict=True)):
            room = " " * (wide - cell.cell_len)
            parts = (room, cell) if at in numbers else (cell, room)
            line = Text.assemble(line, " " * _GAP if at else "", *parts)
        line.rstrip()
        made.append(line)
    return made
