"""Real Chromium before a real host: from a first link to an app, and out again."""

from __future__ import annotations

import secrets
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.agent.browser.apart import relay
from tests.agent.browser.pages import (
    AT_LOGIN,
    AT_SITE,
    choose_password,
    enrol,
    follow,
    heading,
    second_factor,
    sign_in,
    sign_out,
)
from tests.agent.browser.watch import Watch, chromium
from tests.agent.web.browser import Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.attack.besieged import Besieged

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]

AGENT = "auth-agent.service"
STATE = "/var/lib/auth-agent"
DEEP = f"{AT_SITE}/reports/2026?week=7&q=a%2Fb"


@contextmanager
def _way_to(address: str) -> Iterator[int]:
    """Give a port of loopback that leads to the sites at *address*."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        answer = threading.Thread(
            target=relay,
            args=(listener, lambda: socket.create_connection((address, 443))),
            daemon=True,
        )
        answer.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            answer.join()


@pytest.fixture
def untouched(besieged: Besieged) -> Iterator[Besieged]:
    """The host as on its first day: its agent knows nobody; put back afterwards."""

    def swap(old: str, new: str) -> None:
        # Folders are moved: the log in one is append-only by now.
        besieged.sh(
            f"systemctl stop {AGENT}; mkdir -m 0700 {old}\n"
            f"find {STATE} -mindepth 1 -maxdepth 1 -exec mv -t {old} {{}} +\n"
            f"[ ! -d {new} ] || find {new} -mindepth 1 -maxdepth 1"
            f" -exec mv -t {STATE} {{}} +\n"
            f"systemctl start {AGENT}"
        )

    mark = secrets.token_hex(3)
    swap(f"/root/agent-{mark}", "/root/none")
    yield besieged
    swap(f"/root/walked-{mark}", f"/root/agent-{mark}")


@pytest.fixture
def page(untouched: Besieged) -> Iterator[Page]:
    """A page of a browser that was never here, and complains of nothing."""
    with _way_to(untouched.host.address4) as port, chromium(port) as started:
        watch = Watch(started)
        yield watch.open()
        problems = watch.problems
        watch.close()
    assert problems == []


def test_from_the_first_link_to_an_app_and_out_again(
    untouched: Besieged, page: Page
) -> None:
    """A second factor, a deep link kept, a role changed while one is there."""
    agent = untouched.front.agent
    ada = Member("ada", untouched.front.browser(), "", ())
    page.goto(AT_LOGIN + agent.link("first-admin"))
    heading(page, "Create the first administrator")
    page.get_by_label("Account name").fill("ada")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.com")
    choose_password(page)
    sign_in(page, "ada")
    enrol(page, ada)
    follow(page, "I have stored them")
    sign_out(page)

    page.goto(DEEP)
    sign_in(page, "ada")
    second_factor(page, ada)
    expect(page).to_have_url(DEEP)
    expect(page.locator("#user")).to_have_text("ada")
    expect(page.locator("#role")).to_have_text("admin")
    assert "__Host-auth" not in str(untouched.front.echo.seen[-1].headers)
    page.goto(AT_LOGIN)
    sign_out(page)

    page.goto(AT_LOGIN + agent.link("users", "add", "vera", "Vera", "v@example.com"))
    choose_password(page)
    page.goto(DEEP)
    sign_in(page, "vera")
    expect(page.locator("#role")).to_have_text("viewer")
    agent.run("users", "role", "vera", "editor")
    page.goto(DEEP)
    expect(page.locator("#role")).to_have_text("editor")
    agent.run("users", "disable", "vera")
    page.goto(DEEP)
    heading(page, "Sign in")
