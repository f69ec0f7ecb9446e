"""What is remembered as "before", and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from deploys.common.errors import KeepgateError
from deploys.edge import Target
from keepgate.report import Snapshot
from keepgate.verify import baseline

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx1VbY5ARl2n8s9cBHyVZVWVHvwyzSDbqvDJHVN0BVY"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A host that nothing is remembered of."""
    described = {
        "name": "web1",
        "address": "192.0.2.1",
        "login": "debian",
        "known_hosts": str(tmp_path / "known_hosts"),
        "state": str(tmp_path / "state"),
        "settings": {"operator": {"name": "keeper", "keys": [KEY]}},
    }
    return Target.model_validate_json(json.dumps(described), strict=True)


def _taken(login: str) -> Snapshot:
    return Snapshot(
        taken=datetime(2026, 11, 24, tzinfo=UTC),
        login=login,
        facts={},
        seconds=1.0,
        findings=(),
        waivers=(),
    )


def test_first_look_is_remembered(target: Target) -> None:
    """The first look at an untouched host comes back as it was."""
    baseline.offer(target, _taken("debian"))

    assert _taken("debian") == baseline.remembered(target)


def test_later_look_does_not_replace_it(target: Target) -> None:
    """However often one looks, "before" stays the first look."""
    baseline.offer(target, _taken("debian"))
    baseline.offer(target, _taken("keeper"))

    assert _taken("debian") == baseline.remembered(target)


def test_look_after_an_apply_is_no_before(target: Target) -> None:
    """Once a commit was confirmed, what is found is what Keepgate made."""
    target.state.mkdir()
    (target.state / "login.json").write_text('{"login": "keeper"}')
    baseline.offer(target, _taken("keeper"))

    assert baseline.remembered(target) is None


def test_look_after_an_apply_elsewhere_is_no_before(target: Target) -> None:
    """Who hardened the host from another machine leaves the operator as only login."""
    baseline.offer(target, _taken("keeper"))

    assert baseline.remembered(target) is None


def test_baseline_is_private(target: Target) -> None:
    """It tells what was weak: nobody else may read it."""
    baseline.offer(target, _taken("debian"))

    assert 0o600 == (target.state / baseline.NAME).stat().st_mode & 0o777


def test_damaged_baseline_counts_as_none(target: Target) -> None:
    """A file that cannot be read spoils no report."""
    target.state.mkdir()
    (target.state / baseline.NAME).write_text("{")

    assert baseline.remembered(target) is None


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    """`--baseline` says what kind of file it wants."""
    path = tmp_path / "other.json"
    path.write_text("{}")

    with pytest.raises(KeepgateError, match="is no report"):
        baseline.given(path)
