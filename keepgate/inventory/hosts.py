"""One host's layers, merged -> its `Target`, or what keeps it from being one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deploys.accounts.keys import KeyFiles
from deploys.agent.settings import SecretFile
from deploys.edge import Target
from deploys.settings import Settings
from keepgate.inventory import check, schema
from keepgate.inventory.document import Mapping, Node, Scalar, Sequence, plain
from keepgate.inventory.home import home, resolve
from keepgate.inventory.keyfiles import (
    KeyFileError,
    private_file,
    public_lines,
    secret_file,
)
from keepgate.inventory.problems import Position, Problem

Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Places:
    """The inventory's file: in its folder relative paths start."""

    file: Path

    @property
    def base(self) -> Path:
        """The folder from which relative paths start."""
        return self.file.parent

    @property
    def stem(self) -> str:
        """The name under which states of its hosts are kept."""
        return self.file.stem


@dataclass
class Draft:
    """A host on its way to a `Target`."""

    name: str
    path: str
    at: Position
    target: Target | None = None
    problems: list[Problem] = field(default_factory=list)
    missing: list[check.Missing] = field(default_factory=list)


def draft(name: str, merged: Mapping, places: Places) -> Draft:
    """Return host *name*, whose layers are *merged*, validated."""
    made = Draft(name, merged.path, merged.at)
    document, bad = _document(name, merged, places, made.problems)
    try:
        made.target = Target.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        for found in check.problems(merged, _judged(error.errors(), bad)):
            if isinstance(found, check.Missing):
                made.missing.append(found)
            else:
                made.problems.append(found)
    if made.problems:
        made.target = None
    return made


def check_layer(layer: Mapping, places: Places) -> list[Problem]:
    """Return what is wrong in *layer* (defaults or a group) whoever uses it.

    Whether a section as a whole makes sense is left to the hosts, whose own keys
    may complete it.
    """
    problems: list[Problem] = []
    document, bad = _document("layer", layer, places, problems)
    try:
        Target.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        errors = _judged(error.errors(), bad)
        own = [e for e in errors if not _is_whole(e, document)]
        found = check.problems(layer, own)
        problems += [p for p in found if isinstance(p, Problem)]
    return problems


def _document(
    name: str, merged: Mapping, places: Places, problems: list[Problem]
) -> tuple[dict[str, Any], list[Location]]:
    """Return the `Target` of *merged* for pydantic, and where it is known bad."""
    state = home()
    bad: list[Location] = []
    document: dict[str, Any] = {
        "name": name,
        "address": name,
        "known_hosts": str(state / "known_hosts"),
        "state": str(state / "state" / places.stem / name),
        "inventory": str(places.file),
        "settings": {},
    }
    for key, entry in merged.entries.items():
        if key in schema.SECTIONS:
            value = _without_empty(plain(entry.value), ("settings", key))
            document["settings"][key] = value
        elif key in schema.HOST_KEYS:
            document[key] = plain(entry.value)
    for key in ("key", "known_hosts"):
        node = merged.entries[key].value if key in merged.entries else None
        if isinstance(node, Scalar) and isinstance(node.value, str):
            try:
                path = (private_file if key == "key" else resolve)(
                    node.value, places.base
                )
                document[key] = str(path)
            except ValueError as error:
                problems.append(_placed(error, node))
                bad.append((key,))
    expander = _Expander(places.base, problems, bad)
    document["settings"] = expander.expand(
        merged, document["settings"], Settings, ("settings",)
    )
    return document, bad


@dataclass(frozen=True)
class _Expander:
    """Reads paths in settings: key files are replaced by keys, others judged."""

    base: Path
    problems: list[Problem]
    bad: list[Location]

    def expand(
        self, node: Node, value: object, annotation: object, loc: Location
    ) -> object:
        """Return *value*, what *node* says, with keys instead of paths."""
        if isinstance(node, Mapping) and isinstance(value, dict):
            return {
                key: self.expand(
                    node.entries[key].value,
                    item,
                    schema.inner(annotation, key),
                    (*loc, key),
                )
                for key, item in value.items()
            }
        if isinstance(node, Sequence) and isinstance(value, list):
            item = schema.inner(annotation, 0)
            if schema.is_marked(item, KeyFiles):
                return self._keys(node, loc)
            return [
                self.expand(below, one, item, (*loc, at))
                for at, (below, one) in enumerate(zip(node.items, value, strict=True))
            ]
        marked = schema.is_marked(annotation, SecretFile)
        if marked and isinstance(node, Scalar) and isinstance(node.value, str):
            return self._secret(node, node.value, loc)
        return value

    def _secret(self, node: Scalar, text: str, loc: Location) -> str:
        try:
            return str(secret_file(text, self.base))
        except KeyFileError as error:
            self.problems.append(_placed(error, node))
            self.bad.append(loc)
        return text

    def _keys(self, node: Sequence, loc: Location) -> list[object]:
        lines: list[object] = []
        for item in node.items:
            if not (isinstance(item, Scalar) and isinstance(item.value, str)):
                lines.append(plain(item))
                continue
            try:
                lines += public_lines(item.value, self.base)
            except KeyFileError as error:
                self.problems.append(_placed(error, item))
                self.bad.append(loc)
        return lines


def _placed(error: ValueError, node: Scalar) -> Problem:
    if isinstance(error, KeyFileError):
        return Problem(error.what, error.fix, node.path, node.at)
    return Problem(str(error), "write the path out", node.path, node.at)


def _without_empty(value: object, loc: Location) -> object:
    """Return *value* with sections that have no content as empty mappings."""
    if value is None and schema.is_section(loc):
        return {}
    if isinstance(value, dict):
        return {key: _without_empty(item, (*loc, key)) for key, item in value.items()}
    return value


def _judged(errors: Iterable[ErrorDetails], bad: list[Location]) -> list[ErrorDetails]:
    # What was refused already shall not be complained about twice; nor shall a
    # name that serves as address.
    listed = list(errors)
    if any(error["loc"] == ("name",) for error in listed):
        bad = [*bad, ("address",)]
    return [
        error
        for error in listed
        if not any(error["loc"][: len(loc)] == loc for loc in bad)
    ]


def _is_whole(error: ErrorDetails, document: dict[str, Any]) -> bool:
    """Whether *error* is about a section as a whole, or about the host itself."""
    if error["loc"][0] not in document or error["loc"] == ("address",):
        return True
    return error["type"] == "missing" or (
        error["type"] == "value_error" and schema.is_section(error["loc"])
    )
