"""Real Chromium before the whole front: one of each for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.agent.browser.watch import Watch, chromium
from tests.agent.caddy.front import Front
from tests.agent.web.browser import Member, make_admin


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """Return a running agent and app behind a current Caddy."""
    started = Front.start("current")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def browser(front: Front) -> Iterator[Browser]:
    """Return a running Chromium, for which every host is the front's proxy."""
    with chromium(front.proxy.port) as started:
        yield started


@pytest.fixture(scope="module")
def ada(front: Front) -> Member:
    """Return the first administrator, whose login `signed_in` gives to a browser."""
    return make_admin(front.agent)


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    """Return what opens pages and notes what is wrong with them."""
    opened = Watch(browser)
    yield opened
    problems = opened.problems
    opened.close()
    assert problems == []


@pytest.fixture
def page(watch: Watch) -> Page:
    """Return a page of a browser that was never here."""
    return watch.open()


@pytest.fixture
def admin_page(watch: Watch, ada: Member) -> Page:
    """Return a page in which the administrator is logged in."""
    return watch.signed_in(ada)
