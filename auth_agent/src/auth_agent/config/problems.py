"""What is wrong with a configuration: the key, the reason, the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from auth_agent.errors import ConfigError


@dataclass(frozen=True)
class Problem:
    """One thing to change; *key* is written as in the file (`login.host`)."""

    key: str
    message: str
    fix: str

    @property
    def text(self) -> str:
        """The problem in one line."""
        return f"{self.key}: {self.message}; {self.fix}"


class ConfigProblems(ConfigError):
    """Everything that is wrong with a configuration, all at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(problem.text for problem in self.problems),
            fix="change these keys and run `auth-agent check-config`",
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return advice that names the known word nearest to *word*, or all of them."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(words)}"
