"""YAML's own complaints, in words that name the usual cause."""

from __future__ import annotations

from typing import Final

import yaml

from keepgate.inventory.problems import Position, Problem

_FIXES: Final = (
    (
        "mapping values are not allowed here",
        "a `: ` stands where no key can be",
        "check the indentation, the line before, and values that need quotes",
    ),
    (
        "expected <block end>",
        "this line does not fit the indentation above it",
        "give keys of the same level the same number of spaces",
    ),
    (
        "could not find expected ':'",
        "a key without `:`",
        "write `key: value` (the mistake may be in the line before)",
    ),
    (
        "found unexpected end of stream",
        "a quote is opened and never closed",
        "close it",
    ),
    (
        "expected ',' or",
        "a bracket is opened and not closed",
        "close it, or put a comma between the items",
    ),
    (
        "but found another document",
        "a second document starts here",
        "an inventory is one document: remove the `---`",
    ),
    (
        "found undefined alias",
        "an alias (`*name`) without its anchor",
        "put `&name` before the value it stands for, further up",
    ),
    ("found duplicate anchor", "this anchor exists already", "give it another name"),
    (
        "could not determine a constructor",
        "YAML tags (`!name`) are refused",
        "write the plain value",
    ),
    (
        "found undefined tag handle",
        "YAML tags (`!name`) are refused",
        "write the plain value",
    ),
)


class DocumentError(Exception):
    """A text that gives no tree at all; carries the one *problem*."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def explain(error: yaml.YAMLError, text: str) -> Problem:
    """Return what is wrong with *text* where PyYAML raised *error*."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        what = "a control character stands here"
        return Problem(what, "remove it", at=Position(line, 1))
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem("this is no YAML", "see https://yaml.org/spec/1.2.2/")
    mark = error.problem_mark or error.context_mark
    problem = error.problem or ""
    if problem.startswith("found unexpected end of stream") and error.context_mark:
        mark = error.context_mark
    at = Position(mark.line + 1, mark.column + 1) if mark else None
    if "'\\t'" in problem:
        what = "a tab; YAML is indented with spaces"
        return Problem(what, "replace the tab by spaces", at=at)
    if problem.startswith("found character") and "cannot start any token" in problem:
        what = f"a value cannot begin with {problem.split()[2]}"
        return Problem(what, "put the value in quotes", at=at)
    for start, what, fix in _FIXES:
        if start in problem:
            return Problem(what, fix, at=at)
    what = f"this is no YAML: {problem or 'cannot be read'}"
    return Problem(what, "compare with inventories/production.example.yml", at=at)
