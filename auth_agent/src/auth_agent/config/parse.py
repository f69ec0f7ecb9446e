"""From the file's text to the typed model, with every error and not just the first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from auth_agent.config.model import Config
from auth_agent.config.problems import ConfigProblems, Problem, nearest
from auth_agent.config.wanted import wanted

MAX_BYTES = 256 * 1024
"""Longest configuration that is read."""


def parse(text: str) -> Config:
    """Return the configuration that the TOML *text* says.

    Raises:
        ConfigProblems: it is no TOML, or keys are unknown, missing or of the wrong
            form; it names all of them.
    """
    if len(text) > MAX_BYTES:
        raise ConfigProblems(
            [Problem("(file)", "it is too long", f"keep it below {MAX_BYTES} bytes")]
        )
    try:
        data: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = Problem("(file)", f"it is no TOML: {error}", "mend that line")
        raise ConfigProblems([problem]) from error
    problems = list(_check("", data, Config))
    if problems:
        raise ConfigProblems(problems)
    return msgspec.convert(data, Config)


def _check(key: str, data: object, model: type[Struct]) -> list[Problem]:
    """Return what is wrong with the table *data*, which *model* describes."""
    if not isinstance(data, dict):
        return [Problem(key, "it is no table", f"write it as [{key}]")]
    known = {found.name: found for found in fields(model)}
    prefix = f"{key}." if key else ""
    problems = [
        Problem(f"{prefix}{name}", "there is no such key", _advice(name, known))
        for name in data
        if name not in known
    ]
    for name, found in known.items():
        if name in data:
            problems += _value(f"{prefix}{name}", data[name], found)
        elif found.required:
            fix = f"add [{name}]" if _structs(found.type) else wanted(found)
            problems.append(Problem(f"{prefix}{name}", "it is missing", fix))
    return problems


def _advice(name: str, known: Mapping[str, object]) -> str:
    near = nearest(name, known)
    return _elsewhere(name) or near


def _value(key: str, value: object, found: FieldInfo) -> list[Problem]:
    for model in _structs(found.type):
        if get_origin(found.type) is not tuple:
            return _check(key, value, model)
        if not isinstance(value, list):
            return [Problem(key, "it is no list", f"write entries as [[{key}]]")]
        return [
            problem
            for number, one in enumerate(value)
            for problem in _check(f"{key}[{number}]", one, model)
        ]
    try:
        msgspec.convert(value, found.type)
    except msgspec.ValidationError as error:
        return [Problem(key, _plain(str(error)), wanted(found))]
    return []


def _structs(annotation: object) -> list[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return [annotation]
    return [found for part in get_args(annotation) for found in _structs(part)]


_FORM = re.compile(r" (matching regex .*|- at `.*`)$")
"""What a message says in a form that is nobody's but a programmer's."""


def _plain(message: str) -> str:
    if " matching regex " in message:
        return "it is not of the form that this key has"
    return _FORM.sub("", message[:1].lower() + message[1:])


def _elsewhere(name: str) -> str:
    """Return where a key stands that is known, but not here; '' if nowhere."""
    if name in {found.name for found in fields(Config)}:
        return f"it is a section of its own: [{name}], or [[{name}]] for each of many"
    places = [
        f"[{section.name}]"
        for section in fields(Config)
        for model in _structs(section.type)
        if name in {found.name for found in fields(model)}
    ]
    return f"move it below {' or '.join(places)}" if places else ""
