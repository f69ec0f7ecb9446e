"""A browser has one login: the one before ends when the next begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.web.cookies import Cookie

from tests.agent.web.browser import LOGIN_HOST
from tests.agent.web.inside import Inside

if TYPE_CHECKING:
    from tests.agent.conftest import World


def test_a_login_ends_the_one_before(world: World) -> None:
    """Its cookie is nobody's afterwards, in whatever browser it turns up (recorded)."""
    ada = world.person("ada")
    browser = Inside.of(world).sign_in(ada)
    old = browser.cookies[LOGIN_HOST][Cookie.LOGIN]
    csrf = browser.get("/account").fields["csrf"]
    fields = {"csrf": csrf, "to": "", "name": ada.name, "password": ada.password}

    assert 303 == browser.post("/login", fields).status

    sessions = world.services.sessions
    new = browser.cookies[LOGIN_HOST][Cookie.LOGIN]
    assert sessions.resolve_login(old) is None
    assert sessions.resolve_login(new) is not None
    assert 1 == len(sessions.list_for(ada.id))
    assert "logout" == world.last("session.end")["reason"]


def test_a_login_that_fails_ends_nothing(world: World) -> None:
    """Nobody is logged out by a wrong password."""
    ada = world.person("ada")
    browser = Inside.of(world).sign_in(ada)
    csrf = browser.get("/account").fields["csrf"]
    fields = {"csrf": csrf, "to": "", "name": ada.name, "password": "wrong"}

    assert 401 == browser.post("/login", fields).status
    assert 200 == browser.get("/account").status


def test_the_second_step_ends_it_too(world: World) -> None:
    """Only when it is through: between the steps the old login goes on."""
    ada = world.enrolled("ada", "viewer")
    bob = world.person("bob")
    browser = Inside.of(world).sign_in(bob)
    csrf = browser.get("/account").fields["csrf"]
    world.clock.advance(30)
    fields = {"csrf": csrf, "to": "", "name": ada.name, "password": ada.password}
    assert "/second" in browser.post("/login", fields).header("location")
    assert 1 == len(world.services.sessions.list_for(bob.id))
    code = world.code(ada)
    done = browser.post("/second", {"csrf": csrf, "to": "", "code": code})

    assert 303 == done.status
    assert [] == list(world.services.sessions.list_for(bob.id))
    assert "ada" in browser.get("/account").text
