"""SIGKILL in the middle of bursts of recorded changes, at the real process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.faults.kills import kill_again_and_again
from tests.agent.web.browser import Agent

KILLS = 5
"""`python -m benchmarks.agent_kills` does a hundred."""


@pytest.fixture
def agent() -> Iterator[Agent]:
    """Return a running agent of this test's own."""
    started = Agent.start()
    yield started
    started.remove()


def test_kills_lose_nothing_that_was_acknowledged(agent: Agent) -> None:
    """It starts again by itself; the chain holds each acknowledged event, once."""
    killed = kill_again_and_again(agent, KILLS)

    assert len(killed.acknowledged) >= KILLS
    assert () == killed.verdict.faults
    assert [] == killed.lost
    assert set() == killed.unrecorded
