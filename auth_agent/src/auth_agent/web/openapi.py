"""The OpenAPI description of the API, made from the actions themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import get_origin, get_type_hints

import msgspec

from auth_agent import __version__
from auth_agent.authz.rules import PUBLIC
from auth_agent.web.actions.base import Action
from auth_agent.web.actions.own import Renewed
from auth_agent.web.actions.registry import ACTIONS

Json = dict[str, object]

_REF = "#/components/schemas/{name}"
_SAFE = frozenset({"GET", "HEAD"})
_ERRORS = {
    "400": "The request can be read in more than one way, or in none.",
    "401": "Nobody is known who could be asked.",
    "403": "Not allowed; or this needs an authentication of the last minutes.",
    "404": "There is no such thing.",
    "409": "It is in a state that does not allow this.",
    "422": "A field cannot be taken.",
    "429": "A limit is reached.",
    "503": "The service cannot do this now.",
}


class Failure(msgspec.Struct):
    """What failed and how to mend it."""

    error: str
    message: str
    fix: str


class RecoveryCodes(msgspec.Struct):
    """Recovery codes, if new ones were made; the new token is in the cookie."""

    recovery_codes: tuple[str, ...]


def describe(base: str) -> Json:
    """Return the description of the API below *base*."""
    actions = [action for action in ACTIONS.values() if action.path]
    results = {action.name: _result(action) for action in actions}
    types = [
        *{kind for kind in results.values() if kind not in {None, type(None)}},
        *{action.given for action in actions},
        Failure,
    ]
    types = [kind for kind in types if kind is not AsyncIterator]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, Json] = {}
    for action in actions:
        place = paths.setdefault(base + action.path, {})
        place[action.method.lower()] = _operation(
            action, by_type, components, results[action.name]
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "auth-agent", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "login": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-auth-login",
                },
            },
        },
    }


def _result(action: Action) -> object:
    kind = get_type_hints(action.run)["return"]
    if get_origin(kind) is AsyncIterator:
        return AsyncIterator
    return RecoveryCodes if kind is Renewed else kind


def _operation(
    action: Action,
    by_type: dict[object, Json],
    components: dict[str, Json],
    result: object,
) -> Json:
    name = action.given.__name__
    properties = dict(_object(components[name].get("properties")))
    required = components[name].get("required", [])
    in_path = {part[1:-1] for part in action.path.split("/") if part.startswith("{")}
    parameters: list[Json] = [
        {"name": one, "in": "path", "required": True, "schema": properties.pop(one)}
        for one in sorted(in_path)
    ]
    needed = [one for one in _list(required) if one not in in_path]
    operation: Json = {
        "operationId": action.name,
        "summary": action.summary or (action.run.__doc__ or "").partition("\n")[0],
        "description": f"Needs: {action.access}."
        + (" Needs an authentication of the last minutes." if action.sensitive else ""),
        "security": [] if action.access == PUBLIC else [{"key": []}, {"login": []}],
    }
    if action.method in _SAFE:
        parameters += [
            {"name": one, "in": "query", "required": one in needed, "schema": schema}
            for one, schema in properties.items()
        ]
    elif properties:
        schema = {
            "type": "object",
            "properties": properties,
            "required": needed,
            "additionalProperties": False,
        }
        operation["requestBody"] = {
            "required": bool(needed),
            "content": {"application/json": {"schema": schema}},
        }
    if parameters:
        operation["parameters"] = parameters
    operation["responses"] = _responses(by_type, result)
    return operation


def _responses(by_type: dict[object, Json], result: object) -> Json:
    answers: Json = {
        status: {
            "description": text,
            "content": {"application/json": {"schema": by_type[Failure]}},
        }
        for status, text in _ERRORS.items()
    }
    if result is AsyncIterator:
        answers["200"] = {
            "description": "One JSON object per line.",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        }
    elif result in {None, type(None)}:
        answers["204"] = {"description": "Done."}
    else:
        answers["200"] = {
            "description": "Done.",
            "content": {"application/json": {"schema": by_type[result]}},
        }
    return answers


def _object(value: object) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[str]:
    return value if isinstance(value, list) else []
