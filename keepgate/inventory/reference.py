"""Write the reference of all settings from their models.

`python -m keepgate.inventory.reference` writes docs/settings.md for people and
docs/inventory.schema.json for editors; a test holds both against the models.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from deploys.edge import Target
from deploys.settings import Settings
from keepgate.inventory import describe, schema
from keepgate.inventory.home import PROJECT

PAGE: Final = PROJECT / "docs" / "settings.md"
SCHEMA: Final = PROJECT / "docs" / "inventory.schema.json"

_HEAD: Final = """\
# Settings

<!-- Written by `uv run python -m keepgate.inventory.reference`; do not edit. -->

An inventory is one YAML file with three keys.
`inventories/production.example.yml` shows all of it with comments.

```yaml
defaults:            # for all hosts
  login: debian
  operator:
    name: alice
    keys: [~/.ssh/id_ed25519.pub]
groups:              # for the hosts that name them
  web:
    firewall: {}
hosts:               # in the order in which they are changed; the first is the canary
  web-1:
    address: 192.0.2.10
    groups: [web]
```

- **Precedence**: a host beats its groups, groups beat defaults; of two groups the one
  listed later wins. Mappings merge key by key, lists are replaced as a whole. A
  section without keys says nothing.
- **Paths**: `~` and `$KEEPGATE_HOME` (the state folder, `.keepgate` by default)
  expand; a relative path starts at the inventory's folder.
- **YAML** is read by the rules of version 1.2: `no`, `on`, `22:30` and `0644` are
  text. Anchors and aliases work; tags and merge keys (`<<`) are refused, and so is a
  key that stands there twice.
- **Mistakes** are told all at once, with line, key and remedy, before any host is
  touched; exit code 2.
- **Editors** complete and check keys with `docs/inventory.schema.json`: begin the file
  with `# yaml-language-server: $schema=../docs/inventory.schema.json`.

"""

_HOST: Final = """\
## How a host is reached

These keys stand beside the sections below: under `hosts`, and all but `address` and
`groups` also under `defaults` and `groups`.

`vagrant: true` at the top of the file takes address, port, login and key from
`vagrant ssh-config` instead.

"""

_TABLE: Final = "| Key | Takes | Default | Meaning |\n| --- | --- | --- | --- |\n"


def page() -> str:
    """Return the reference page."""
    host = [f"{_HOST}{_TABLE}", *map(_host_row, ("address", "groups"))]
    host += map(_host_row, schema.CONNECTION)
    sections = (
        _section(name, model, field.description or "", 2)
        for name, field in Settings.model_fields.items()
        for model in schema.models_in(field.annotation)
    )
    return _HEAD + "".join([*host, *(part for section in sections for part in section)])


def json_schema() -> dict[str, Any]:
    """Return a JSON Schema (draft 2020-12) of inventories, for editors.

    It is what editors can check while typing; `load` checks more.
    """
    target = Target.model_json_schema()
    definitions: dict[str, Any] = target.pop("$defs")
    definitions.pop("Settings")
    for name in schema.SECTIONS:
        # A section may be completed by another layer, or be empty.
        if not schema.is_section(("settings", name)):
            continue
        annotation = Settings.model_fields[name].annotation
        section = definitions[getattr(annotation, "__name__", "")]
        section.pop("required", None)
        section["type"] = ["object", "null"]
    fields = {**target["properties"], **Settings.model_json_schema()["properties"]}
    definitions["Layer"] = _object({key: fields[key] for key in schema.SHARED_KEYS})
    definitions["Host"] = _object({key: fields[key] for key in schema.HOST_KEYS})
    layer, host = {"$ref": "#/$defs/Layer"}, {"$ref": "#/$defs/Host"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Keepgate inventory",
        "type": "object",
        "additionalProperties": False,
        "required": ["hosts"],
        "properties": {
            "defaults": layer,
            "groups": {"type": ["object", "null"], "additionalProperties": layer},
            "hosts": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": host,
            },
            "vagrant": {
                "type": "boolean",
                "description": "Reach the hosts as `vagrant ssh-config` says.",
            },
        },
        "$defs": definitions,
    }


def rendered_schema() -> str:
    """Return the JSON Schema as it stands in its file."""
    return (
        json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
    }


def _host_row(name: str) -> str:
    field = Target.model_fields[name]
    told = {
        "address": "the host's name",
        "known_hosts": "`$KEEPGATE_HOME/known_hosts`",
    }
    default = told.get(name) or describe.default(field)
    return _row(name, describe.kind(field), default, field.description or "")


def _section(
    path: str,
    model: type[BaseModel],
    meaning: str,
    level: int,
) -> Iterator[str]:
    yield f"\n{'#' * level} `{path}`\n\n{meaning}\n"
    about = inspect.cleandoc(model.__doc__ or "").partition("\n\n")[2]
    if about:
        yield f"\n{about}\n"
    nested: list[tuple[str, type[BaseModel], str]] = []
    rows: list[str] = []
    for name, field in model.model_fields.items():
        text = field.description or ""
        inner = list(schema.models_in(field.annotation))
        direct = schema.is_section((name,), model)
        nested += [(f"{path}.{name}{'' if direct else '.*'}", m, text) for m in inner]
        kind = describe.kind(field)
        rows.append(_row(name, kind, describe.default(field), text))
    if rows:
        yield f"\n{_TABLE}{''.join(rows)}"
    for place, one, text in nested:
        yield from _section(place, one, text, level + 1)


def _row(name: str, kind: str, default: str, meaning: str) -> str:
    cells = (f"`{name}`", kind, default, meaning)
    # A bare | would end the cell, even in code.
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


def main() -> None:
    """Write both files."""
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(rendered_schema(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n{SCHEMA}\n")


if __name__ == "__main__":
    main()
