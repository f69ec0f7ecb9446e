"""Layers of settings laid over each other: defaults, groups, host."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from keepgate.inventory.document import Entry, Mapping, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable


def layered(layers: Iterable[Mapping]) -> Mapping:
    """Return *layers* as one mapping; a later layer wins.

    Mappings merge deeply, everything else replaces what was there. A key without
    a value says nothing about a mapping below it. The result stands where the
    last layer stands.
    """
    return reduce(_over, layers)


def _over(lower: Mapping, upper: Mapping) -> Mapping:
    entries = dict(lower.entries)
    for name, entry in upper.entries.items():
        below = entries.get(name)
        if below is None:
            entries[name] = entry
        elif not (_is_empty(entry.value) and isinstance(below.value, Mapping)):
            entries[name] = Entry(entry.at, _value(below.value, entry.value))
    return Mapping(entries, upper.at, upper.path)


def _value(lower: Node, upper: Node) -> Node:
    if isinstance(lower, Mapping) and isinstance(upper, Mapping):
        return _over(lower, upper)
    return upper


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
