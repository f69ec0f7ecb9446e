"""pydantic's verdict on a host's settings, as problems with a place and a fix."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keepgate.inventory import schema
from keepgate.inventory.document import Mapping, Node, Scalar, Sequence
from keepgate.inventory.problems import (
    Problem,
    nearest,
    shown,
    suggestion,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KINDS: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping (`key: value` lines)",
    "model_type": "a mapping (`key: value` lines)",
    "model_attributes_type": "a mapping (`key: value` lines)",
    "path_type": "a path",
}
_LIMITS: Final = {
    "greater_than_equal": "at least",
    "greater_than": "more than",
    "less_than_equal": "at most",
    "less_than": "less than",
}
_HINTS: Final = {
    "string_type": 'put it in "quotes"',
    "int_type": "write the bare number",
    "bool_type": "write true or false, without quotes",
    "tuple_type": "write it as a list: `[one, two]`, or a `- ` line for each item",
    "list_type": "write it as a list: `[one, two]`, or a `- ` line for each item",
}


@dataclass(frozen=True)
class Missing:
    """A required key that a host lacks."""

    key: str
    fix: str


def problems(tree: Mapping, errors: list[ErrorDetails]) -> Iterator[Problem | Missing]:
    """Yield what *errors* of validating *tree* as a `Target` say about it."""
    branches: dict[str, list[Problem]] = {}
    meant = {_meant(e["loc"]) for e in errors if e["type"] == "extra_forbidden"}
    for error in errors:
        loc = error["loc"]
        if error["type"] == "missing":
            if loc not in meant:
                yield _missing(tree, loc)
            continue
        if error["type"] == "too_short" and _has_inner(loc, errors):
            continue  # pydantic counts what is valid
        node, rest = _node(tree, _document(loc))
        problem = _problem(tree, node, error)
        # What is left of the location names the branch of a union, unless the
        # key is one that the host does not have at all.
        alike = rest and node is not tree
        branches.setdefault(problem.key if alike else str(error), []).append(problem)
    for group in branches.values():
        yield _united(group)


def _meant(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return where the misspelt key *loc* was probably meant to be."""
    return (*loc[:-1], nearest(str(loc[-1]), schema.keys_at(loc[:-1])) or "")


def _has_inner(loc: tuple[int | str, ...], errors: list[ErrorDetails]) -> bool:
    depth = len(loc)
    return any(e["loc"][:depth] == loc and len(e["loc"]) > depth for e in errors)


def _united(found: list[Problem]) -> Problem:
    whats = list(dict.fromkeys(problem.what for problem in found))
    first = found[0]
    return Problem(", or ".join(whats), first.fix, first.key, first.at)


def _document(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    return loc[1:] if loc[:1] == ("settings",) else loc


def _node(
    tree: Mapping, loc: tuple[int | str, ...]
) -> tuple[Node, tuple[int | str, ...]]:
    node: Node = tree
    for depth, step in enumerate(loc):
        if isinstance(node, Mapping) and step in node.entries:
            node = node.entries[str(step)].value
        elif (
            isinstance(node, Sequence)
            and isinstance(step, int)
            and step < len(node.items)
        ):
            node = node.items[step]
        else:
            return node, loc[depth:]
    return node, ()


def _missing(tree: Mapping, loc: tuple[int | str, ...]) -> Problem | Missing:
    fix = _described(loc)
    *above, name = _document(loc)
    node, rest = _node(tree, tuple(above))
    if above and not rest:
        return Problem(f"the key `{name}` is missing", fix, node.path, node.at)
    return Missing(".".join(map(str, _document(loc))), fix)


def _problem(tree: Mapping, node: Node, error: ErrorDetails) -> Problem:
    loc = error["loc"]
    if error["type"] == "extra_forbidden":
        parent, _ = _node(tree, _document(loc)[:-1])
        at = node.at
        if isinstance(parent, Mapping) and str(loc[-1]) in parent.entries:
            at = parent.entries[str(loc[-1])].at
        known = schema.keys_at(loc[:-1])
        fix = suggestion(str(loc[-1]), known)
        return Problem("there is no such key", fix, node.path, at)
    what, fix = _verdict(error, node)
    return Problem(what, fix or _described(loc), node.path, node.at)


def _verdict(error: ErrorDetails, node: Node) -> tuple[str, str]:
    kind = error["type"]
    given: Any = error["input"]
    if network := _network(given, kind):
        return network
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, not {_told(given, node)}", _hint(kind, given)
    return _by_context(kind, given, error.get("ctx", {})) or (_sentence(error), "")


def _by_context(
    kind: str, given: object, context: dict[str, Any]
) -> tuple[str, str] | None:
    if kind in _LIMITS:
        limit = next(iter(context.values()))
        return f"must be {_LIMITS[kind]} {limit}, not {shown(given)}", ""
    match kind:
        case "value_error" | "assertion_error":
            cause = context.get("error")
            reason = getattr(cause, "reason", None) or str(cause)
            return str(reason), str(getattr(cause, "fix", ""))
        case "literal_error" | "enum":
            return _choice(str(context["expected"]), given)
        case "too_short" | "string_too_short" if not given:
            return "must not be empty", ""
        case "string_pattern_mismatch":
            return f"{shown(given)} must match {context['pattern']}", ""
        case _:
            return None


def _choice(expected: str, given: object) -> tuple[str, str]:
    words = re.findall(r"'([^']*)'", expected)
    near = nearest(given, words) if isinstance(given, str) else None
    fix = f"did you mean `{near}`?" if near else ""
    return f"must be {expected.replace(chr(39), '`')}, not {shown(given)}", fix


def _network(given: object, kind: str) -> tuple[str, str] | None:
    if not isinstance(given, str) or "/" not in given:
        return None
    if not ("ip" in kind or kind == "value_error"):
        return None
    try:
        whole = ipaddress.ip_network(given.strip(), strict=False)
    except ValueError:
        return None
    if str(whole) == given:
        return None
    what = f"{shown(given)} is an address in a network (it has host bits set)"
    return what, f"write the network, {whole}, or the address alone, {_single(given)}"


def _single(given: str) -> str:
    return given.strip().partition("/")[0]


def _told(given: object, node: Node) -> str:
    if isinstance(given, str):
        return f"the text {shown(given)}" if shown(given) != "this text" else "text"
    if isinstance(given, bool) and isinstance(node, Scalar):
        return f"the truth value {shown(given)}"
    if isinstance(given, (int, float)):
        return f"the number {given}"
    return shown(given)


def _hint(kind: str, given: object) -> str:
    if kind == "int_type" and isinstance(given, str):
        return "write the bare number, without quotes" if given.isdigit() else ""
    if kind == "bool_type" and str(given).lower() in {"yes", "no", "on", "off"}:
        return "write true or false"
    if kind == "string_type" and not isinstance(given, (int, float)):
        return ""
    return _HINTS.get(kind, "")


def _sentence(error: ErrorDetails) -> str:
    text = error["msg"].removeprefix("Value error, ")
    text = text.replace("Input should", "must").replace("Input", "this")
    return text[:1].lower() + text[1:]


def _described(loc: tuple[int | str, ...]) -> str:
    field = schema.field_at(loc)
    if field is None or not field.description:
        return "see docs/settings.md"
    return field.description
