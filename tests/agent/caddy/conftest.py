"""One front for all tests of a module, before each of the two Caddies in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.caddy.front import CADDIES, Front
from tests.agent.web.browser import Member


@pytest.fixture(scope="module", params=CADDIES)
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """Return a running front."""
    started = Front.start(request.param)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def admin(front: Front) -> Member:
    """Return the first administrator, logged in at the site."""
    return front.admin()
