"""The reference is written from the models and kept current."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from deploys.edge import Target
from keepgate.inventory import reference, schema

REMEDY = "run `uv run python -m keepgate.inventory.reference` and commit what it writes"


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield *model* and every model in it."""
    yield model
    for field in model.model_fields.values():
        for inner in schema.models_in(field.annotation):
            yield from models(inner)


ALL = [*dict.fromkeys(models(Target))]


def test_the_page_is_current() -> None:
    """What people read is what the models say."""
    assert reference.page() == reference.PAGE.read_text("utf-8"), REMEDY


def test_the_schema_is_current() -> None:
    """What editors check is what the models say."""
    assert reference.rendered_schema() == reference.SCHEMA.read_text("utf-8"), REMEDY


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    """A field's description is its documentation; none may lack it."""
    assert [] == [
        name for name, field in model.model_fields.items() if not field.description
    ]


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)
def test_every_model_is_frozen_and_closed(model: type[BaseModel]) -> None:
    """Settings cannot change after they were read, nor hold unknown keys."""
    assert (True, "forbid") == (
        model.model_config.get("frozen"),
        model.model_config.get("extra"),
    )


def test_the_schema_knows_every_key_of_a_host() -> None:
    """An editor that follows the schema refuses nothing that `load` takes."""
    document = json.loads(reference.rendered_schema())

    assert {*schema.HOST_KEYS} == {*document["$defs"]["Host"]["properties"]}
    assert {*schema.TOP_KEYS} == {*document["properties"]}


def test_every_section_has_a_heading() -> None:
    """Nothing that can be set is missing from the page."""
    page = reference.page()

    assert [] == [name for name in schema.SECTIONS if f"\n## `{name}`\n" not in page]
