"""Whatever is typed at the login: a 4xx with the same words, an event, no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.agent.web.browser import LOGIN_HOST
from tests.agent.web.inside import Inside

if TYPE_CHECKING:
    from tests.agent.conftest import World
    from tests.agent.web.browser import Browser, Page

ODD = {
    "nothing": "",
    "blank": "   ",
    "nul": "ada\0",
    "control": "ada\x1b[31m\r\nSet-Cookie: a=b",
    "two-ats": "ada@example.com@evil.example",
    "only-ats": "@@@@",
    "turned": "ada\u202eada",
    "marks": "a" + "\u0301" * 200,
    "ligature": "\ufdfa" * 60,
    "owls": "\U0001f989" * 63,
    "unassigned": "ada\U000e0fff",
    "wildcards": "%_!",
    "query": "' OR 1=1 --",
    "format": "{0.__class__}%s%n",
    "long": "a" * 10_000,
    "path": "../../etc/passwd",
}


def log_in(browser: Browser, name: str, password: str) -> Page:
    """Send the form."""
    return browser.submit("/login", "/login", to="", name=name, password=password)


@pytest.mark.parametrize("what", sorted(ODD))
def test_an_odd_name_is_a_wrong_one(world: World, what: str) -> None:
    """The same status as for any wrong name, and recorded without what was typed."""
    browser = Inside.of(world).browser()
    plain = log_in(browser, "nobody", "x")

    answer = log_in(browser, ODD[what], "x")

    assert (plain.status, 401) == (answer.status, 401)
    record = world.last("login.failure")
    assert "no_such_account" == record["reason"]
    typed = ODD[what].strip()
    assert not typed or typed not in str(record)


@pytest.mark.parametrize("what", sorted(ODD))
def test_an_odd_password_is_a_wrong_one(world: World, what: str) -> None:
    """For an account that is there, too; it counts as a failure."""
    ada = world.person("ada")

    answer = log_in(Inside.of(world).browser(), ada.name, ODD[what])

    assert 401 == answer.status
    assert "wrong_password" == world.last("login.failure")["reason"]


@pytest.mark.parametrize("what", sorted(ODD))
def test_an_odd_code_is_a_wrong_one(world: World, what: str) -> None:
    """At the second step: of the app, and of the recovery codes."""
    ada = world.enrolled("ada", "viewer")
    browser = Inside.of(world).browser()
    log_in(browser, ada.name, ada.password)

    for kind, event in (("totp", "totp.fail"), ("recovery", "recovery.fail")):
        answer = browser.submit("/second", "/second", to="", kind=kind, code=ODD[what])
        assert 401 == answer.status
        assert event in world.events()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", "name=ada&password=x"),
        ("application/json", '{"name": "ada"}'),
        ("multipart/form-data; boundary=x", "--x--"),
        ("application/x-www-form-urlencoded", "name=%ff%fe"),
        ("application/x-www-form-urlencoded", "name"),
        ("application/x-www-form-urlencoded", "&".join(["a=b"] * 300)),
        ("", "name=ada"),
    ],
)
def test_a_body_that_is_no_form_is_refused(world: World, kind: str, body: str) -> None:
    """Nothing is tried, and nothing breaks."""
    browser = Inside.of(world).browser()
    browser.get("/login")
    headers = {"Origin": f"https://{LOGIN_HOST}", "Content-Type": kind}

    answer = browser.ask("POST", LOGIN_HOST, "/login", headers=headers, body=body)

    assert 400 <= answer.status < 500
    assert "login.failure" not in world.events()


def test_a_field_that_is_there_twice_is_refused(world: World) -> None:
    """Two readers could take different ones."""
    browser = Inside.of(world).browser()
    csrf = browser.get("/login").fields["csrf"]
    pairs = [("csrf", csrf), ("name", "ada"), ("name", "eve"), ("password", "x")]
    headers = {
        "Origin": f"https://{LOGIN_HOST}",
        "Content-Type": "application/x-www-form-urlencoded",
    }

    answer = browser.ask(
        "POST", LOGIN_HOST, "/login", headers=headers, body=urlencode(pairs)
    )

    assert 422 == answer.status
