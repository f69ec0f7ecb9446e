"""One running agent with an administrator for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.web.browser import Agent, Member, make_admin


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """Return a running agent."""
    started = Agent.start()
    yield started
    started.remove()


@pytest.fixture(scope="module")
def admin(agent: Agent) -> Member:
    """Return the first administrator, logged in and enrolled."""
    return make_admin(agent)
