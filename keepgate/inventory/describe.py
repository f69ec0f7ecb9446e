"""Types, limits and defaults of settings in words, for the reference page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from annotated_types import MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

_BOUNDS: Final = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "min_length": "at least {} long",
    "max_length": "at most {} long",
    "pattern": "matching `{}`",
}
_PLAIN: Final = re.compile(r"[a-z][a-z0-9_./-]*")
_WORDS: Final[dict[object, str]] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    NoneType: "nothing",
}


def kind(field: FieldInfo) -> str:
    """Return what *field* takes: its type and its limits."""
    if field.title:
        return field.title
    return _limited(_kind(field.annotation), field.metadata)


def default(field: FieldInfo) -> str:
    """Return the default of *field* as YAML, or that it is required."""
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return ""
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return f"`{value}`"
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


def _kind(annotation: object) -> str:  # noqa: PLR0911 - one per kind of annotation
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if origin is Annotated:
        titles = [x.title for x in parts[1:] if isinstance(x, FieldInfo) and x.title]
        return titles[0] if titles else _limited(_kind(parts[0]), parts[1:])
    if origin in {Union, UnionType}:
        return " or ".join(_kind(part) for part in parts)
    if origin is Literal:
        return _choice(parts)
    if origin in {tuple, list, set, frozenset}:
        return f"list of: {_kind(parts[0])}"
    if origin is dict:
        return f"mapping of {_kind(parts[0])} to {_kind(parts[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choice(member.value for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "keys, see below"
    return getattr(annotation, "__name__", str(annotation))


def _choice(values: Iterator[object] | tuple[object, ...]) -> str:
    return " or ".join(f"`{value}`" for value in values)


def _limited(words: str, metadata: Iterable[object]) -> str:
    limits = [text for item in metadata for text in _limits(item)]
    return ", ".join([words, *limits])


def _limits(item: object) -> Iterator[str]:
    if isinstance(item, FieldInfo):
        for inner in item.metadata:
            yield from _limits(inner)
    if isinstance(item, MinLen) and item.min_length == 1:
        yield "not empty"
        return
    for name, words in _BOUNDS.items():
        value = getattr(item, name, None)
        if value is not None:
            yield words.format(value)
