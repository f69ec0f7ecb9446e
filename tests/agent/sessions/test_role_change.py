"""A role that changes is in force at once, and no id from before carries it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from auth_agent.audit import segments
from auth_agent.audit.events import Event
from auth_agent.callers import Caller, Client
from auth_agent.errors import StoreUnavailableError
from auth_agent.ids import token_hash
from auth_agent.sessions.model import Owes
from auth_agent.web.cookies import Cookie

from tests.agent.web.browser import LOGIN_HOST, SITE
from tests.agent.web.inside import Inside

if TYPE_CHECKING:
    from auth_agent.sessions.model import Login

    from tests.agent.conftest import Person, World
    from tests.agent.web.browser import Browser

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1")
CLI = Caller.cli()


def becomes(world: World, person: Person, role: str) -> None:
    """Give *person* another role."""
    world.do(world.services.accounts.set_role(CLI, person.id, role))


def cookie(browser: Browser) -> str:
    """Return the login's cookie that *browser* holds."""
    return browser.cookies[LOGIN_HOST][Cookie.LOGIN]


def login_of(world: World, browser: Browser) -> Login | None:
    """Return the login that the browser's cookie stands for."""
    return world.services.sessions.live.by_login_hash.get(token_hash(cookie(browser)))


NAVIGATES = {"Sec-Fetch-Mode": "navigate"}


def at_the_site(browser: Browser) -> int:
    """Open the site, going round by the login host if the gate says so."""
    answer = browser.verify("/", headers=NAVIGATES)
    for _ in range(5):
        place = urlsplit(answer.header("location"))
        if not place.netloc and not place.path.startswith("/continue"):
            break
        host = place.netloc or LOGIN_HOST
        answer = browser.ask("GET", host, f"{place.path}?{place.query}")
    return browser.verify("/").status


def test_permissions_and_headers_change_at_once(world: World) -> None:
    """What is in memory has the new role as soon as the change is done."""
    ada = world.person("ada", "editor")
    login = world.log_in(ada)
    becomes(world, ada, "viewer")

    assert "viewer" == dict(login.headers)["remote-role"]
    assert "app.edit" not in login.account.permissions


def test_site_sessions_from_before_open_nothing(world: World) -> None:
    """Their cookies are nobody's, in memory and after a restart; the login goes on."""
    ada = world.person("ada", "editor")
    opened = world.log_in_step(ada)
    sessions = world.services.sessions
    told: list[str] = []
    sessions.on_end(lambda ended: told.extend(one.host for one in ended))
    token = world.site_token(opened.login_or_fail())
    becomes(world, ada, "viewer")

    assert sessions.resolve_site(token, SITE) is None
    assert [SITE] == told
    assert sessions.resolve_login(opened.step.token) is not None
    world.restart()
    assert world.services.sessions.resolve_site(token, SITE) is None
    assert world.services.sessions.resolve_login(opened.step.token) is not None


def test_the_next_page_at_the_login_host_brings_a_new_id(world: World) -> None:
    """The browser gets a new cookie with it; the old one is nobody's."""
    ada = world.person("ada", "editor")
    browser = Inside.of(world).sign_in(ada)
    old = cookie(browser)
    becomes(world, ada, "viewer")

    page = browser.get("/account")

    assert 200 == page.status
    assert old != cookie(browser)
    assert world.services.sessions.resolve_login(old) is None
    assert login_of(world, browser) is not None
    # Forms of that very page belong to the new id.
    csrf = page.fields["csrf"]
    named = browser.post("/do/me.rename", {"csrf": csrf, "display_name": "A"})
    assert 303 == named.status


def test_a_form_from_before_is_taken_and_brings_a_new_id(world: World) -> None:
    """What was typed is not lost; the answer has the new cookie."""
    ada = world.person("ada", "editor")
    browser = Inside.of(world).sign_in(ada)
    csrf = browser.get("/account").fields["csrf"]
    old = cookie(browser)
    becomes(world, ada, "viewer")

    done = browser.post("/do/me.rename", {"csrf": csrf, "display_name": "Ada L."})

    assert 303 == done.status
    assert old != cookie(browser)
    assert "Ada L." in browser.follow(done).text


def test_the_api_brings_a_new_id_to_a_cookie(world: World) -> None:
    """A script of the agent's own pages gets it, too."""
    ada = world.person("ada", "editor")
    browser = Inside.of(world).sign_in(ada)
    old = cookie(browser)
    becomes(world, ada, "viewer")

    assert 200 == browser.get("/api/v1/me").status
    assert old != cookie(browser)
    assert 200 == browser.get("/api/v1/me").status


def test_a_site_gets_a_new_session_without_a_password(world: World) -> None:
    """The gate sends the browser round by the login host; the new role is in force."""
    ada = world.person("ada", "editor")
    browser = Inside.of(world).sign_in(ada)
    assert 200 == at_the_site(browser)
    old = browser.cookies[SITE][Cookie.SITE]
    becomes(world, ada, "viewer")

    assert 302 == browser.verify("/", headers=NAVIGATES).status
    assert 200 == at_the_site(browser)
    assert old != browser.cookies[SITE][Cookie.SITE]
    assert "viewer" == browser.verify("/").header("remote-role")


def test_of_parallel_requests_one_renews(world: World) -> None:
    """No token is given out that the next one kills."""
    ada = world.person("ada", "editor")
    login = world.log_in(ada)
    becomes(world, ada, "viewer")
    sessions = world.services.sessions

    async def ask() -> list[str]:
        return await asyncio.gather(*(sessions.renew(login) for _ in range(5)))

    [token] = filter(None, world.do(ask()))

    assert login is sessions.resolve_login(token)
    assert not login.stale


def test_a_renewal_undoes_no_role_change_at_the_same_time(world: World) -> None:
    """Who becomes an administrator while it runs still owes the second factor."""
    ada = world.person("ada", "editor")
    login = world.log_in(ada)
    becomes(world, ada, "viewer")
    sessions, accounts = world.services.sessions, world.services.accounts

    async def both() -> None:
        await asyncio.gather(
            accounts.set_role(CLI, ada.id, "admin"), sessions.renew(login)
        )

    world.do(both())

    assert Owes.ENROL == login.owes
    world.restart()
    [again] = world.services.sessions.live.by_id.values()
    assert Owes.ENROL == again.owes


def test_a_renewal_that_cannot_be_kept_is_made_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing can be written the login stays as it is, and stale."""
    ada = world.person("ada", "editor")
    opened = world.log_in_step(ada)
    login = opened.login_or_fail()
    becomes(world, ada, "viewer")
    whole = segments.write_all

    def full(_descriptor: int, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async def fails() -> None:
        with pytest.raises(StoreUnavailableError):
            await world.services.core.store.write(
                lambda tx: tx.record(CLI.did(Event.USER_UPDATE))
            )
        with pytest.raises(StoreUnavailableError):
            await world.services.sessions.renew(login)

    monkeypatch.setattr(segments, "write_all", full)
    world.do(fails())
    monkeypatch.setattr(segments, "write_all", whole)

    assert login.stale
    assert world.do(world.services.sessions.renew(login))
    assert world.services.sessions.resolve_login(opened.step.token) is None


def test_a_new_login_is_not_given_the_old_ones_id(world: World) -> None:
    """Who signs in where somebody's login waits for its new id gets their own."""
    ada, bob = world.person("ada", "editor"), world.person("bob")
    browser = Inside.of(world).sign_in(ada)
    csrf = browser.get("/account").fields["csrf"]
    becomes(world, ada, "viewer")
    fields = {"csrf": csrf, "to": "", "name": bob.name, "password": bob.password}

    assert 303 == browser.post("/login", fields).status

    login = login_of(world, browser)
    assert login is not None
    assert bob.id == login.account.id
    assert [] == list(world.services.sessions.list_for(ada.id))
