"""What the settings models know: their keys, fields and nested models."""

from __future__ import annotations

import types
from collections.abc import Iterator
from collections.abc import Sequence as Items
from typing import Annotated, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deploys.edge import Target
from deploys.settings import Settings

CONNECTION: Final = ("port", "login", "key", "known_hosts")
"""Keys of `Target` that defaults, groups and hosts may give."""

SECTIONS: Final = tuple(Settings.model_fields)
"""Sections of `Settings`, on the same level as `CONNECTION`."""

SHARED_KEYS: Final = (*CONNECTION, *SECTIONS)
HOST_KEYS: Final = ("address", "groups", *SHARED_KEYS)
TOP_KEYS: Final = ("defaults", "groups", "hosts", "vagrant")

Location = Items[str | int]


def field_at(loc: Location, model: type[BaseModel] = Target) -> FieldInfo | None:
    """Return the field of *model* that *loc* leads to, None if there is none."""
    found: FieldInfo | None = None
    models: tuple[type[BaseModel], ...] = (model,)
    for step in loc:
        if isinstance(step, int):
            continue
        fields = [m.model_fields[step] for m in models if step in m.model_fields]
        if not fields:
            # The key of a dict, or pydantic's name for one branch of a union.
            continue
        found = fields[0]
        models = tuple(models_in(found.annotation))
    return found


def keys_at(loc: Location, model: type[BaseModel] = Target) -> tuple[str, ...]:
    """Return the keys that may stand in the model that *loc* leads to."""
    if not loc:
        return tuple(model.model_fields)
    field = field_at(loc, model)
    if field is None:
        return ()
    return tuple(
        name for nested in models_in(field.annotation) for name in nested.model_fields
    )


def is_section(loc: Location, model: type[BaseModel] = Target) -> bool:
    """Whether *loc* leads to a nested model, which is merged and may be empty."""
    field = field_at(loc, model)
    return (
        field is not None
        and isinstance(field.annotation, type)
        and issubclass(field.annotation, BaseModel)
    )


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield every model that a value of *annotation* may be or hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        if part is not Ellipsis:
            yield from models_in(part)


def is_marked(annotation: object, marker: type) -> bool:
    """Whether *annotation*, or a branch of it, is `Annotated` with a *marker*."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return any(is_marked(branch, marker) for branch in get_args(annotation))
    if get_origin(annotation) is not Annotated:
        return False
    return any(isinstance(extra, marker) for extra in get_args(annotation)[1:])


def inner(annotation: object, key: str | int) -> object:
    """Return the annotation of what stands under *key* in a value of *annotation*.

    None if the models do not tell.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(key))
        return None if field is None else field.annotation
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return inner(parts[0], key)
    if origin in {Union, types.UnionType}:
        found = (inner(part, key) for part in parts)
        return next((part for part in found if part is not None), None)
    if origin is dict and isinstance(key, str):
        return parts[1]
    if origin in {tuple, list} and isinstance(key, int):
        return parts[0]
    return None
