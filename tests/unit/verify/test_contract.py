"""The checks stand alone, and each says what it is about."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from keepgate.report.model import SEVERITIES, TOPICS
from keepgate.verify import controls

PROJECT = Path(__file__).parents[3]
FILES = sorted((PROJECT / "tests" / "hosts").rglob("*.py"))
FOREIGN = {"keepgate", "deploys", "pyinfra", "auth_agent"}


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Any]:
    """What the checks say of themselves, without a host."""
    return controls.catalogue()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_checks_import_none_of_the_code_they_judge(path: Path) -> None:
    """A mistake of the deploy code cannot hide itself in its check."""
    tree = ast.parse(path.read_text())
    modules = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert set() == modules & FOREIGN


def test_ids_are_unique(catalogue: dict[str, Any]) -> None:
    """An id means one control, in every report and for ever."""
    ids = [control["id"] for control in catalogue["controls"]]

    assert sorted(set(ids)) == sorted(ids)


def test_controls_are_complete(catalogue: dict[str, Any]) -> None:
    """Each control has a known topic and severity, a title, an item, a remedy."""
    incomplete = [
        control["id"]
        for control in catalogue["controls"]
        if control["topic"] not in TOPICS
        or control["severity"] not in SEVERITIES
        or not all(control[key] for key in ("title", "refs", "remedy", "claim"))
        or not re.fullmatch(r"[A-Z]{2,3}-\d\d", control["id"])
    ]

    assert [] == incomplete


def test_every_topic_has_controls(catalogue: dict[str, Any]) -> None:
    """No topic of the report is empty."""
    assert set(TOPICS) == {control["topic"] for control in catalogue["controls"]}


def test_documentation_lists_every_control(catalogue: dict[str, Any]) -> None:
    """docs/controls.md is what the checks say of themselves."""
    written = (PROJECT / "docs" / "controls.md").read_text()

    assert controls.page(catalogue) == written
