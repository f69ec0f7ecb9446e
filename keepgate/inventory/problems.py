"""What is wrong with an inventory, told so that it can be mended at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import override

from deploys.common.errors import KeepgateError

_SHOWN: Final = 40


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands, the dotted *key*, *what* is wrong, the *fix*.

    *at* is None for a problem of the file as a whole.
    """

    what: str
    fix: str
    key: str = ""
    at: Position | None = None


class InventoryError(KeepgateError):
    """An inventory that is not used; *problems* holds everything that was found.

    Nothing was done to any host. Commands exit with 2.
    """

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(set(problems), key=_order))
        first = self.problems[0]
        super().__init__(_message(path, self.problems), first.fix)

    @override
    def __str__(self) -> str:
        """Every problem with its place and its fix, a blank line between two."""
        return self.message

    def as_dict(self) -> dict[str, object]:
        """Return the same for `--json`."""
        return {
            "inventory": str(self.path),
            "problems": [
                {
                    "line": problem.at.line if problem.at else None,
                    "column": problem.at.column if problem.at else None,
                    "key": problem.key,
                    "message": problem.what,
                    "fix": problem.fix,
                }
                for problem in self.problems
            ],
        }


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *word* was probably meant to be."""
    plain = {name.casefold().replace("-", "_"): name for name in known}
    close = difflib.get_close_matches(
        word.casefold().replace("-", "_"), list(plain), n=1, cutoff=0.6
    )
    return plain[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a fix for the unknown name *word*: the nearest, or all there are."""
    names = list(known)
    near = nearest(word, names)
    if near is not None:
        return f"did you mean `{near}`?"
    if not names:
        return "there is nothing that could stand here"
    return f"known here: {', '.join(names)}"


def shown(value: object) -> str:
    """Return *value* for an error message, never more than a few characters.

    What stands at the wrong place may be a secret: long texts are not told.
    """
    if isinstance(value, str):
        short = len(value) <= _SHOWN and value.isprintable()
        return f'"{value}"' if short else "this text"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping (`key: value` lines)"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "nothing" if value is None else str(value)


def relative(path: Path) -> str:
    """Return *path* as seen from the working directory where that is shorter."""
    try:
        near = os.path.relpath(path)
    except (OSError, ValueError):
        return str(path)
    return near if len(near) < len(str(path)) else str(path)


def _order(problem: Problem) -> tuple[Position, str, str]:
    return problem.at or Position(0, 0), problem.key, problem.what


def _message(path: Path, problems: tuple[Problem, ...]) -> str:
    name = relative(path)
    count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
    head = f"The inventory {name} has {count}; nothing was done."
    return "\n\n".join([head, *(_paragraph(name, problem) for problem in problems)])


def _paragraph(name: str, problem: Problem) -> str:
    place = name
    if problem.at is not None:
        place = f"{name}:{problem.at.line}:{problem.at.column}"
    what = f"{problem.key}: {problem.what}" if problem.key else problem.what
    return f"{place}\n  {what}\n  -> {problem.fix}"
