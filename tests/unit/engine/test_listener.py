"""What a worker counts of the plans that it is told."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from deploys.common.changes import Action, Plan
from keepgate.engine.listener import Emitter


@pytest.fixture
def emitter() -> Iterator[Emitter]:
    """An emitter whose events nobody reads."""
    sink = os.open(os.devnull, os.O_WRONLY)
    yield Emitter(sink)
    os.close(sink)


def plan(changes: int) -> Plan:
    """Return a plan of so many steps."""
    return Plan("trial", before=(Action("step", "true"),) * changes)


def test_changes_of_all_plans_are_counted(emitter: Emitter) -> None:
    """What each topic changed is summed up."""
    emitter.planned(plan(2))
    emitter.planned(plan(3))

    assert 5 == emitter.changes


def test_a_plan_that_was_refused_or_undone_does_not_count(emitter: Emitter) -> None:
    """What stands of the topics before it still does."""
    emitter.planned(plan(2))
    emitter.planned(plan(3))
    emitter.untouched(plan(3))

    assert 2 == emitter.changes
