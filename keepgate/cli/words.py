"""How things are said in the terminal: words, colours, wrapping, strange bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from keepgate.report.lines import Line
from keepgate.report.text import plain

if TYPE_CHECKING:
    from rich.console import Console

STYLES: Final = {
    "ok": "green",
    "changed": "green",
    "failed": "bold red",
    "refused": "bold yellow",
    "rolled_back": "bold yellow",
    "unreachable": "bold red",
    "not started": "dim",
}
NOTHING: Final = "nothing to change"
_WORDS: Final = {
    "ok": NOTHING,
    "rolled_back": "rolled back",
}


def status(word: str, changes: int = 0) -> str:
    """Return the status *word* as people say it."""
    if word == "changed":
        return counted(changes, "change")
    if word == "refused":
        after = f"after {counted(changes, 'change')}" if changes else ""
        return f"refused {after}" if after else "refused, nothing was changed"
    return _WORDS.get(word, word)


def counted(number: int, thing: str) -> str:
    """Return *number* of *thing*, in the plural where it is due."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def say(
    console: Console, text: str, *, indent: str = "", lead: str = "", style: str = ""
) -> None:
    """Print *text* after *lead*, wrapped below itself on a terminal.

    Without a terminal it stays one line per line, for grep.
    """
    head = Text.assemble(indent, (lead, "cyan"))
    for line in plain(text).splitlines() or [""]:
        console.print(Line(head, Text(line, style)), soft_wrap=True)
        head = Text(" " * head.cell_len)
