"""What holds for every inventory: merging, reading, and settings as JSON."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deploys.edge import Target
from deploys.settings import Settings
from keepgate.inventory.document import Mapping, parse, plain
from keepgate.inventory.merge import layered
from keepgate.inventory.problems import Problem
from keepgate.inventory.syntax import DocumentError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43  # a point, of nobody

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), WORDS, st.sampled_from("ab")
)
NAMES = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(NAMES, TREES, max_size=3)


class Dumper(yaml.SafeDumper):
    """Writes for YAML 1.2, in which 0E0 is a number: PyYAML knows 1.1 alone."""


def quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Return *text* as a node, in quotes where a digit could make it a number."""
    style = '"' if any(char.isdigit() for char in text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


Dumper.add_representer(str, quoted)


def tree(value: dict[str, Any]) -> Mapping:
    """Return *value* as it is read from a file."""
    text = yaml.dump(value, Dumper=Dumper, allow_unicode=True)
    found, problems = parse(text.encode())
    assert problems == []
    return found


def refusal(data: bytes) -> Problem | None:
    """Return why *data* gives no tree, None if it does."""
    try:
        parse(data)
    except DocumentError as error:
        return error.problem
    return None


def over(lower: object, upper: object) -> object:
    """Say in the plainest way what laying one value over another means."""
    if isinstance(lower, dict) and isinstance(upper, dict):
        return lower | {
            key: over(lower[key], value) if key in lower else value
            for key, value in upper.items()
        }
    return lower if isinstance(lower, dict) and upper is None else upper


@given(MAPPINGS)
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    """A document means what it says, with every key in its place."""
    assert value == plain(tree(value))


@given(MAPPINGS, MAPPINGS)
def test_layers_merge_deeply(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    """Mappings merge, everything else is replaced, nothing at all says nothing."""
    assert over(lower, upper) == plain(layered([tree(lower), tree(upper)]))


@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_a_layer_laid_twice_is_laid_once(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    """Laying the top layer again changes nothing."""
    layers = [tree(one), tree(two), tree(three)]

    assert plain(layered(layers)) == plain(layered([*layers, layers[-1]]))


@given(MAPPINGS, MAPPINGS)
def test_positions_are_those_of_the_winner(
    lower: dict[str, Any], upper: dict[str, Any]
) -> None:
    """An error points to the layer that the value comes from."""
    top = tree(upper)

    merged = layered([tree(lower), top])

    for name, entry in top.entries.items():
        if entry.value.at and not (upper[name] is None and name in lower):
            assert entry.at == merged.entries[name].at


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Reading never fails in any way but its own."""
    refused = refusal(data)

    assert refused is None or (refused.what and refused.fix)


@given(st.text("ab:-[]{},&*!|>'\"#?%@ \t\n0", max_size=60))
def test_any_text_of_yaml_signs_is_read_or_refused(text: str) -> None:
    """The signs that mean something in YAML, in any order, never crash the reader."""
    refused = refusal(text.encode())

    assert refused is None or (refused.what and refused.fix)


SETTINGS = st.fixed_dictionaries(
    {
        "operator": st.fixed_dictionaries(
            {
                "name": st.from_regex(r"\A[a-z_][a-z0-9_-]{0,31}\Z").filter(
                    lambda name: name != "root"
                ),
                "keys": st.just([KEY]),
            },
            optional={
                "networks": st.lists(
                    st.ip_addresses().map(str) | st.just("10.0.0.0/8"), max_size=3
                )
            },
        )
    },
    optional={"confirm": st.fixed_dictionaries({"timeout": st.integers(10, 3600)})},
)


@given(SETTINGS)
def test_settings_survive_json(value: dict[str, Any]) -> None:
    """What reaches a worker, a report or a check is what was validated."""
    first = Settings.model_validate(value)

    again = Settings.model_validate_json(first.model_dump_json(), strict=True)

    assert first == again
    assert first.model_dump_json() == again.model_dump_json()


@given(SETTINGS, st.integers(1, 65535))
def test_targets_survive_json(value: dict[str, Any], port: int) -> None:
    """`host.data` holds a host as JSON; nothing of it is lost."""
    first = Target.model_validate(
        {
            "name": "one",
            "address": "192.0.2.1",
            "port": port,
            "login": "debian",
            "known_hosts": "/k",
            "state": "/s",
            "settings": value,
        }
    )

    again = Target.model_validate_json(first.model_dump_json(), strict=True)

    assert first == again


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), TREES))
def test_any_settings_are_valid_or_refused(value: dict[str, Any]) -> None:
    """No value, however odd, makes validation fail in any way but its own."""
    with suppress(ValidationError):
        Settings.model_validate(value)
