"""The fenced parts of a guide: commands, what they are said to print, settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
GUIDES = (
    "authentication.md",
    "users-and-roles.md",
    "two-factor.md",
    "audit-log.md",
    "agent-backup.md",
)

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSE = "…"
"""In what is printed: anything."""


@dataclass(frozen=True)
class Step:
    """A block of commands, and the lines that it is said to print among others."""

    line: int
    script: str
    printed: tuple[str, ...]


def text_of(guide: str) -> str:
    """Return the guide."""
    return (DOCS / guide).read_text()


def steps(text: str) -> list[Step]:
    """Return the blocks of commands, each with the block of output behind it."""
    found: list[Step] = []
    fences = list(_FENCE.finditer(text))
    for at, fence in enumerate(fences):
        if fence[1] != "sh":
            continue
        after = fences[at + 1] if at + 1 < len(fences) else None
        printed: tuple[str, ...] = ()
        if after is not None and after[1] == "text":
            between = text[fence.end() : after.start()]
            assert not between.strip(), f"output without its commands: {after[2]}"
            printed = tuple(after[2].splitlines())
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Step(line, fence[2], printed))
    return found


def settings(text: str) -> list[str]:
    """Return the blocks of configuration."""
    return [fence[2] for fence in _FENCE.finditer(text) if fence[1] == "toml"]


def missing(printed: tuple[str, ...], output: str) -> list[str]:
    """Return the lines of *printed* that *output* does not have, in their order."""
    left = [line.rstrip() for line in output.replace("\r", "").splitlines()]
    lacking = []
    for line in printed:
        pattern = ".*".join(map(re.escape, line.rstrip().split(ELSE)))
        at = next((n for n, one in enumerate(left) if re.fullmatch(pattern, one)), None)
        if at is None:
            lacking.append(line)
        else:
            left = left[at + 1 :]
    return lacking
