"""A YAML text as a tree that knows where every key and value stands.

YAML's core schema (1.2) decides what plain words mean: `no`, `on`, `22:30` and
`0644` are text, never a boolean, a number of seconds or an octal surprise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from keepgate.inventory.problems import Position, Problem
from keepgate.inventory.syntax import DocumentError, explain

MAX_BYTES: Final = 4 * 2**20
"""Largest inventory that is read: some ten thousand hosts."""

_MAX_NODES: Final = 200_000  # aliases of aliases grow exponentially
_MAX_DIGITS: Final = 30  # Python reads longer numbers in quadratic time
_PREFIX: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Scalar:
    """A single value."""

    value: str | int | float | bool | None
    at: Position
    path: str


@dataclass(frozen=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    at: Position
    path: str


@dataclass(frozen=True)
class Mapping:
    """Keys and values; *at* is where the mapping's own key stands."""

    entries: dict[str, Entry]
    at: Position
    path: str


@dataclass(frozen=True)
class Entry:
    """A value and where its key stands."""

    at: Position
    value: Node


Node = Scalar | Sequence | Mapping


class _Loader(yaml.SafeLoader):
    """PyYAML's reader with the resolvers of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML declares it so


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?",
        "-+0123456789",
    ),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        _PREFIX + _tag, re.compile(rf"^(?:{_pattern})$"), list(_first)
    )


@dataclass
class _Builder:
    """Turns PyYAML's nodes into ours and gathers what is wrong on the way."""

    problems: list[Problem] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    nodes: int = 0

    def build(self, node: yaml.Node, path: str, key_at: Position | None) -> Node:
        at = _position(node.start_mark)
        self.nodes += 1
        if id(node) in self.open or self.nodes > _MAX_NODES:
            what = "an alias (`*name`) that holds itself, or far too many of them"
            raise DocumentError(Problem(what, "write the values out", path, at))
        self._check_tag(node, path, at)
        self.open.add(id(node))
        try:
            match node:
                case yaml.MappingNode():
                    entries = dict(self._entries(node, path))
                    return Mapping(entries, key_at or at, path)
                case yaml.SequenceNode():
                    items = enumerate(node.value)
                    return Sequence(
                        tuple(self.build(x, f"{path}[{i}]", None) for i, x in items),
                        at,
                        path,
                    )
                case _:
                    # A missing value has no place of its own.
                    at = (key_at or at) if _empty(node) else at
                    return Scalar(_value(node), at, path)
        finally:
            self.open.discard(id(node))

    def _entries(
        self, node: yaml.MappingNode, path: str
    ) -> Iterator[tuple[str, Entry]]:
        seen: dict[str, Position] = {}
        for key, value in node.value:
            at = _position(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                what, fix = "a key must be a word", "write `key: value`"
                self.problems.append(Problem(what, fix, path, at))
                continue
            name = str(key.value)
            here = f"{path}.{name}" if path else name
            if key.tag == _PREFIX + "merge":
                what = "merge keys (`<<`) are not known here"
                fix = "put what several hosts share into a group"
                self.problems.append(Problem(what, fix, here, at))
                continue
            self._check_tag(key, here, at)
            if name in seen:
                what = f"this key stands in line {seen[name].line} already"
                fix = "keep one of the two"
                self.problems.append(Problem(what, fix, here, at))
                continue
            seen[name] = at
            yield name, Entry(at, self.build(value, here, at))

    def _check_tag(self, node: yaml.Node, path: str, at: Position) -> None:
        known = ("map", "seq", "str", "int", "float", "bool", "null", "merge")
        if node.tag not in {_PREFIX + name for name in known}:
            what = "YAML tags (`!name`) are refused"
            self.problems.append(Problem(what, "write the plain value", path, at))


def parse(data: bytes) -> tuple[Mapping, list[Problem]]:
    """Return the tree of the YAML text *data*, and what is wrong with it.

    Raises:
        DocumentError: it is no YAML text, empty, or no mapping: there is no tree.
    """
    text = _decode(data)
    builder = _Builder()
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            raise DocumentError(Problem("the file is empty", _START))
        tree = builder.build(root, "", None)
    except yaml.YAMLError as error:
        raise DocumentError(explain(error, text)) from None
    except RecursionError:
        problem = Problem("the file is nested far too deep", "flatten it")
        raise DocumentError(problem) from None
    if isinstance(tree, Scalar) and tree.value is None:
        raise DocumentError(Problem("the file is empty", _START))
    if not isinstance(tree, Mapping):
        what = "the file must hold the keys defaults, groups and hosts"
        raise DocumentError(Problem(what, _START, at=tree.at))
    return tree, builder.problems


def plain(node: Node) -> object:
    """Return *node* as the values that JSON knows."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {name: plain(entry.value) for name, entry in node.entries.items()}


_START: Final = "start from inventories/production.example.yml"


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        what, fix = "this is no UTF-8 text", "save the file as UTF-8"
        problem = Problem(what, fix, at=Position(line, column))
        raise DocumentError(problem) from None


def _position(mark: yaml.Mark) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _empty(node: yaml.Node) -> bool:
    return node.value == "" and node.tag == _PREFIX + "null"


def _value(node: yaml.Node) -> str | int | float | bool | None:
    text = str(node.value)
    match node.tag.removeprefix(_PREFIX):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if len(text) <= _MAX_DIGITS:
            return int(text)
        case "float" if math.isfinite(float(text)):
            return float(text)
        case _:
            return text
