"""From an empty folder to a page of the site and out again, over the real server."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from auth_agent.sessions.model import HEADER_NAMES

from tests.agent.web.browser import (
    LOGIN_HOST,
    PASSWORD,
    Agent,
    Browser,
    Member,
    make_admin,
)


@pytest.fixture(scope="module")
def walk() -> Iterator[Agent]:
    """Return an agent for these tests alone; they follow one another's traces."""
    started = Agent.start()
    yield started
    started.remove()


@pytest.fixture(scope="module")
def ada(walk: Agent) -> Member:
    """Return the first administrator, enrolled and logged in."""
    return make_admin(walk)


def _to_site(browser: Browser, path: str) -> str:
    """Ask for *path* of the site without a session; return the way to the login."""
    answer = browser.verify(path, headers={"Sec-Fetch-Mode": "navigate"})
    assert answer.status == 302
    place = urlsplit(answer.header("location"))
    assert place.netloc == LOGIN_HOST
    return f"{place.path}?{place.query}"


def test_the_gates_socket_is_for_its_group_only(walk: Agent) -> None:
    """0660, and the control socket is for its owner alone."""
    gate, control = walk.gate.stat(), (walk.folder / "run/control.sock").stat()

    assert stat.S_IMODE(gate.st_mode) == 0o660
    assert stat.S_IMODE(control.st_mode) == 0o600


def test_the_first_link_is_not_shown_to_a_pipe(walk: Agent) -> None:
    """Where somebody's log could keep it, it is not even made."""
    done = walk.run("first-admin")

    assert done.returncode == 2
    assert done.stdout == ""


def test_a_first_administrator_gets_to_the_page_asked_for(
    walk: Agent, ada: Member
) -> None:
    """Login, second factor, handover to the site, the page with its identity."""
    browser = walk.browser()
    login = _to_site(browser, "/report?week=7")
    word = login.partition("to=")[2]

    second = browser.submit(login, "/login", to=word, name="ada", password=PASSWORD)
    assert second.header("location").startswith("/second")
    done = browser.submit(
        second.header("location"), "/second", to=word, kind="totp", code=ada.code()
    )
    page = _last_redirect(browser, done.header("location"))

    assert page == "/report?week=7"
    passed = browser.verify("/report?week=7")
    assert passed.status == 200
    assert "ada" == passed.header("remote-user")
    assert "admin" == passed.header("remote-role")
    assert set(HEADER_NAMES) <= {name for name, _ in passed.headers}


def _last_redirect(browser: Browser, location: str) -> str:
    host = LOGIN_HOST
    for _ in range(4):
        place = urlsplit(location)
        host = place.netloc or host
        if host != LOGIN_HOST and place.path != "/_auth/session":
            return location
        answer = browser.ask("GET", host, f"{place.path}?{place.query}")
        assert answer.status == 303, answer.text
        location = answer.header("location")
    return location


@pytest.mark.usefixtures("ada")
def test_an_administrator_without_second_factor_gets_nowhere(walk: Agent) -> None:
    """A login that owes enrolment opens neither pages nor sites."""
    link = walk.link("users", "add", "eve", "Eve", "eve@example.com", "--role", "admin")
    browser = walk.browser()
    browser.submit(link, link, name="eve", password=PASSWORD, again=PASSWORD)
    done = browser.submit("/login", "/login", to="", name="eve", password=PASSWORD)

    assert done.status == 303
    assert "/duty" == browser.get("/account").header("location")
    assert "/duty" == browser.get("/admin/users").header("location")
    assert "/duty" == browser.get("/continue?to=").header("location").partition("?")[0]


def test_signing_out_ends_the_sites_sessions(walk: Agent, ada: Member) -> None:
    """The very next request to the site is refused."""
    browser = walk.browser()
    word = _to_site(browser, "/").partition("to=")[2]
    second = browser.submit(
        f"/login?to={word}", "/login", to=word, name="ada", password=PASSWORD
    )
    done = browser.submit(
        second.header("location"),
        "/second",
        to=word,
        kind="recovery",
        code=ada.codes[0],
    )
    _last_redirect(browser, done.header("location"))
    assert browser.verify("/").status == 200

    ended = browser.submit("/logout", "/logout")

    assert ended.status == 303
    assert browser.verify("/").status == 401


def test_a_code_opens_no_other_browser(walk: Agent, ada: Member) -> None:
    """Who catches the way back cannot use it without the binding cookie."""
    browser, thief = walk.browser(), walk.browser("198.51.100.7")
    browser.cookies[LOGIN_HOST] = dict(ada.browser.cookies[LOGIN_HOST])
    login = _to_site(browser, "/")
    handover = browser.get(browser.get(login).header("location")).header("location")
    place = urlsplit(handover)

    stolen = thief.ask("GET", place.netloc, f"{place.path}?{place.query}")

    assert stolen.status == 410
    assert thief.verify("/").status == 401


def test_the_log_holds_no_secret(walk: Agent, ada: Member) -> None:
    """One JSON object per line, and none of what was typed or handed out."""
    lines = [json.loads(line) for line in walk.log.splitlines()]

    assert {"time", "level", "logger", "message"} <= set(lines[0])
    secrets = [PASSWORD, ada.secret, *ada.codes, (walk.folder / "secret").read_text()]
    cookies = [text for jar in ada.browser.cookies.values() for text in jar.values()]
    assert not [one for one in secrets + cookies if one in walk.log]


def test_a_stop_is_clean_and_a_start_goes_on(walk: Agent, ada: Member) -> None:
    """SIGTERM ends with 0; logins live on; the audit log is whole."""
    assert walk.stop() == 0

    assert walk.run("audit", "verify").returncode == 0
    walk.process = Agent.spawn(walk.folder)
    walk.wait()
    assert ada.browser.get("/account").status == 200
