"""Reading sshd_config and what it includes, in the order in which sshd does.

sshd_config(5): the first value of a keyword wins, except that a `Match` block
overrides it where it applies; `Include` puts a file's lines in its place; a
`Match` in an included file ends with that file.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAIN: Final = "/etc/ssh/sshd_config"
_MAX_DEPTH: Final = 16  # servconf.c, SERVCONF_MAX_DEPTH
_LINE: Final = re.compile(r"\s*([^\s=\"#]+)(?:\s*=\s*|\s+)?(.*)", re.DOTALL)


class UnreadableConfig(ValueError):
    """The files are no configuration that sshd would load."""


@dataclass(frozen=True)
class Directive:
    """One keyword with its arguments, where it stands and when it applies.

    *keyword* is in lower case. *matches* holds the criteria of the `Match` lines
    around it, from the outermost; none means it always applies.
    """

    file: str
    line: int
    keyword: str
    arguments: tuple[str, ...]
    matches: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it stands, as FILE:LINE."""
        return f"{self.file}:{self.line}"

    @property
    def value(self) -> str:
        """The arguments, joined by single blanks."""
        return " ".join(self.arguments)


def words(text: str) -> tuple[str, ...]:
    """Return the arguments of a configuration line, quotes and comment removed.

    Raises:
        UnreadableConfig: a quote is not closed.
    """
    found: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
        elif text[at] == "#":
            break
        else:
            word, at = _word(text, at)
            found.append(word)
    return tuple(found)


def _word(text: str, at: int) -> tuple[str, int]:
    """Return the argument that starts at *at* and where it ends (argv_split)."""
    word: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "\\" and (
            (following and following in "'\"\\") or (not quote and following == " ")
        ):
            word.append(following)
            at += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                word.append(char)
        elif char in " \t":
            break
        elif char in "'\"":
            quote = char
        else:
            word.append(char)
        at += 1
    if quote:
        message = f"unclosed quote in {text!r}"
        raise UnreadableConfig(message)
    return "".join(word), at


def directives(files: Mapping[str, str], main: str = MAIN) -> tuple[Directive, ...]:
    """Return every directive in sshd's order, `Include` and `Match` resolved.

    *files* maps path to text and holds all that *main* includes. A file that an
    `Include` pattern matches but *files* lacks is taken as absent.

    Raises:
        UnreadableConfig: files include each other endlessly, or a line is broken.
    """
    return tuple(_read(files, main, (), 0))


def _read(
    files: Mapping[str, str], path: str, around: tuple[str, ...], depth: int
) -> Iterator[Directive]:
    if depth > _MAX_DEPTH:
        message = f"{path}: files include each other more than {_MAX_DEPTH} deep"
        raise UnreadableConfig(message)
    matches = around
    for number, line in enumerate(files.get(path, "").split("\n"), start=1):
        parsed = _LINE.fullmatch(line)
        if parsed is None:
            continue
        keyword, rest = parsed[1].lower(), parsed[2]
        try:
            arguments = words(rest.rstrip(" \t\r\f"))
        except UnreadableConfig as error:
            message = f"{path}:{number}: {error}"
            raise UnreadableConfig(message) from None
        directive = Directive(path, number, keyword, arguments, matches)
        if keyword == "match":
            everyone = [word.lower() for word in arguments] == ["all"]
            matches = around if everyone else (*around, directive.value)
        yield directive
        if keyword == "include":
            for pattern in arguments:
                for found in expand(pattern, files):
                    yield from _read(files, found, matches, depth + 1)


def expand(pattern: str, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paths of *files* that an `Include` pattern names, in sshd's order.

    A relative pattern is below /etc/ssh. As in glob(3), `*` matches neither a `/`
    nor a leading dot.
    """
    absolute = posixpath.join("/etc/ssh", pattern)
    parts = absolute.split("/")
    return tuple(path for path in sorted(files) if _matches(path.split("/"), parts))


def _matches(path: list[str], pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(
        fnmatch.fnmatchcase(part, wanted)
        and (not part.startswith(".") or wanted.startswith("."))
        for part, wanted in zip(path, pattern, strict=True)
    )
