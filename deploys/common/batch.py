"""Many observations in one command: a round trip per topic, not per file.

The host runs one POSIX sh text and answers a line per section, `NAME BASE64`;
the decoded bytes end in a line of their own with the command's exit status.
Base64 keeps any byte of any file intact through pyinfra's line-wise reading.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from deploys.common.shell import as_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9_./:@-]+")
_LOCALE = "LC_ALL=C; export LC_ALL"


@dataclass(frozen=True)
class Output:
    """What one section's command wrote to standard output, and how it ended."""

    rc: int
    data: bytes

    @property
    def ok(self) -> bool:
        """Whether the command ended with status 0."""
        return self.rc == 0

    @property
    def text(self) -> str:
        """The output as text; bytes that are no UTF-8 are kept as escapes."""
        return self.data.decode("utf-8", "backslashreplace")

    @property
    def lines(self) -> list[str]:
        """The output's lines without blank ones at the end."""
        return self.text.rstrip("\n").splitlines()


def render(sections: Mapping[str, str]) -> str:
    """Return the sh text that runs every section's command and frames its output.

    Each command runs in a subshell with standard input closed and standard error
    dropped (append `2>&1` to keep it).
    """
    return "\n".join((_LOCALE, *_framed(sections)))


def render_together(parts: Sequence[Mapping[str, str]]) -> str:
    """Return as `render` a text for all sections, which runs *parts* side by side.

    Within a part the order stands. Nothing is written to a disk, which may be full:
    the first part answers directly, the shell holds the answers of each other one
    until those before it have ended.
    """
    texts = [_LOCALE]
    for number, sections in enumerate(parts):
        body = "\n".join(_framed(sections))
        texts.append(f"part_{number}() {{\n{body}\n}}")
    # The pipes carry nothing: that one is closed says that its part has ended.
    line = ":"
    for number in range(len(parts)):
        call = f'part_{number} "$@" </dev/null'
        line = (
            f"{{ {line}; }} | {{ answers=$({call} 3>&-); cat >/dev/null;"
            " printf '%s\\n' \"$answers\" >&3; }"
            if number
            else f"{call} >&3 3>&-"
        )
    texts.append(f"{{ {line}; }} 3>&1")
    return "\n".join(texts)


def _framed(sections: Mapping[str, str]) -> Iterator[str]:
    for name, command in sections.items():
        if not _NAME.fullmatch(name):
            message = f"section name {name!r} has characters other than A-Za-z0-9_./:@-"
            raise ValueError(message)
        yield (
            f"printf '%s ' {shlex.quote(name)}; "
            f"{{ ( {command}\n ) </dev/null 2>/dev/null; printf '\\n%s' \"$?\"; }}"
            " | base64 -w0; echo"
        )


def parse(lines: Iterable[str]) -> dict[str, Output]:
    """Return the sections that a text of `render` answered.

    Raises:
        FactProcessError: a line is not of that form (a login banner on standard
            output, a command cut off).
    """
    answers: dict[str, Output] = {}
    for line in lines:
        name, _, encoded = line.strip().partition(" ")
        try:
            decoded = base64.b64decode(encoded, validate=True)
            body, _, status = decoded.rpartition(b"\n")
            answers[name] = Output(int(status), body)
        except (binascii.Error, ValueError) as error:
            message = f"the host answered a line that is no section: {line[:80]!r}"
            raise FactProcessError(message) from error
    return answers


class BatchFact(FactBase[T], Generic[T]):
    """A fact that asks many things in one command and returns one typed answer.

    A topic's facts subclass this: `sections` says what to run on the host (as
    root), `interpret` turns the answers into a frozen dataclass. Keyword
    arguments of `get_fact` reach both.
    """

    @abstractmethod
    def sections(self) -> Mapping[str, str]:
        """Return a POSIX sh command per section name."""

    @abstractmethod
    def interpret(self, answers: Mapping[str, Output]) -> T:
        """Return the typed answer."""

    @override
    def command(self) -> str:
        return as_root(render(self.sections()))

    @override
    def process(self, output: list[str]) -> T:
        answers = parse(output)
        missing = [name for name in self.sections() if name not in answers]
        if missing:
            message = f"the host's answer lacks {', '.join(missing)}"
            raise FactProcessError(message)
        return self.interpret(answers)
