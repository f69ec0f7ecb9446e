"""Presets: the permissions, roles and rules of a kind of app, as data."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct, field

Places = tuple[tuple[str, str], ...]
"""`[methods, prefix]` pairs, methods being words separated by blanks, or `*`."""


class Preset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One preset: what each built-in role may, and which requests ask for what.

    *unruled* says of a permission why no rule asks for it; *events* maps the
    app's own event names to the agent's, *unmapped* says why not.
    """

    title: str
    permissions: tuple[str, ...]
    roles: dict[str, tuple[str, ...]]
    rules: dict[str, Places]
    unruled: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, str] = field(default_factory=dict)


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that ship."""
    folder = resources.files("auth_agent.presets")
    return tuple(
        sorted(
            entry.name.removesuffix(".toml")
            for entry in folder.iterdir()
            if entry.name.endswith(".toml")
        )
    )


@cache
def load_preset(name: str) -> Preset:
    """Return the preset *name*.

    Raises:
        LookupError: there is none of that name.
    """
    if name not in preset_names():
        raise LookupError(name)
    text = resources.files("auth_agent.presets").joinpath(f"{name}.toml").read_text()
    return msgspec.convert(tomllib.loads(text), Preset)
