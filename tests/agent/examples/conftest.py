"""One street of apps for all tests of a module, and who walks there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.caddy.front import CADDIES
from tests.agent.examples.street import Street
from tests.agent.web.browser import Browser


@pytest.fixture(scope="module", params=CADDIES)
def street(request: pytest.FixtureRequest) -> Iterator[Street]:
    """Return the running apps."""
    started = Street.start(request.param)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def admin(street: Street) -> Browser:
    """Return the browser of the administrator ada, logged in."""
    return street.admin()


@pytest.fixture(scope="module")
def editor(street: Street) -> Browser:
    """Return the browser of the editor eve, logged in."""
    return street.member("eve", "editor")


@pytest.fixture(scope="module")
def viewer(street: Street) -> Browser:
    """Return the browser of the viewer vic, logged in."""
    return street.member("vic", "viewer")
