"""Through the proxy: the way to a page, what changes at once, and the way out."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from tests.agent.caddy.front import NAVIGATE, Front, marker, shown, visit
from tests.agent.web.browser import LOGIN_HOST, PASSWORD, SITE, Browser, Member

DEEP = "/reports/2026/w%C3%A4hrung?week=7&sort=-total&q=a%2Fb"


def _viewer(front: Front, name: str) -> Browser:
    """Return the browser of a new viewer who has chosen a password."""
    words = ("users", "add", name, name.title(), f"{name}@example.com")
    link = front.agent.link(*words)
    browser = front.browser()
    done = browser.submit(link, link, name=name, password=PASSWORD, again=PASSWORD)
    assert done.status == 303, done.text
    return browser


def _log_in(browser: Browser, name: str, path: str) -> None:
    """Ask for *path* of the site and log in on the way to it."""
    first = browser.ask("GET", SITE, path, headers=NAVIGATE)
    word = first.header("location").partition("to=")[2]
    form = browser.get(f"/login?to={word}").fields
    done = browser.post(
        "/login", {"csrf": form["csrf"], "to": word, "name": name, "password": PASSWORD}
    )
    assert done.status == 303, done.text
    back = browser.follow(done)
    assert back.status == 200, back.text


def test_a_deep_link_is_kept_through_the_login(front: Front) -> None:
    """Its query and its escapes, too."""
    browser = _viewer(front, "dee")
    mark = marker()

    _log_in(browser, "dee", DEEP)
    page = browser.ask("GET", SITE, DEEP, headers={"X-Marker": mark})

    assert DEEP in [one.target for one in front.echo.seen]
    assert shown(page).value("remote-user") == "dee"


def test_only_navigations_are_sent_to_the_login(front: Front) -> None:
    """A script could do nothing with a page of another host."""
    browser = front.browser()

    assert visit(front.browser(), "/").status == 200
    assert browser.ask("GET", SITE, "/", headers=NAVIGATE).status == 302
    assert browser.ask("POST", SITE, "/", headers=NAVIGATE).status == 401
    for mode in ("cors", "no-cors", "same-origin", "websocket"):
        headers = {"Sec-Fetch-Mode": mode, "Accept": "text/html"}
        assert browser.ask("GET", SITE, "/", headers=headers).status == 401


def test_a_role_change_is_effective_on_the_next_request(front: Front) -> None:
    """Up and down again; an open session is handed over anew, or goes on."""
    browser = _viewer(front, "rob")
    _log_in(browser, "rob", "/")
    assert browser.ask("POST", SITE, "/").status == 403

    front.agent.run("users", "role", "rob", "editor")
    assert browser.ask("POST", SITE, "/").status in {200, 401}
    assert visit(browser, "/").status == 200
    assert shown(browser.ask("POST", SITE, "/")).value("remote-role") == "editor"

    front.agent.run("users", "role", "rob", "viewer")
    assert browser.ask("POST", SITE, "/").status in {401, 403}
    assert visit(browser, "/").status == 200
    assert browser.ask("POST", SITE, "/").status == 403


@pytest.mark.parametrize("end", ["logout", "disable", "end-all"])
def test_an_ended_login_opens_no_site(front: Front, end: str) -> None:
    """By oneself, or by an administrator: refused on the next request."""
    browser = _viewer(front, f"end-{end}")
    _log_in(browser, f"end-{end}", "/")
    assert browser.ask("GET", SITE, "/").status == 200

    if end == "logout":
        browser.submit("/logout", "/logout")
    elif end == "disable":
        assert front.agent.run("users", "disable", f"end-{end}").returncode == 0
    else:
        assert front.agent.run("sessions", "end-all", f"end-{end}").returncode == 0

    assert browser.ask("GET", SITE, "/").status == 401


def test_the_address_in_the_log_is_the_proxys_word(front: Front) -> None:
    """What the client says of where it comes from is not written down."""
    browser = front.browser()
    form = browser.get("/login").fields
    browser.ask(
        "POST",
        LOGIN_HOST,
        "/login",
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"https://{LOGIN_HOST}",
            "X-Forwarded-For": browser.ip + ", 203.0.113.9",
            "X-Real-IP": "203.0.113.9",
            "Forwarded": "for=203.0.113.9",
        },
        body=f"csrf={form['csrf']}&to=&name=nobody&password=x",
    )

    found = front.agent.run(
        "audit", "search", "--type", "login.failure", "--limit", "200", "--json"
    )
    entries = json.loads(found.stdout)["entries"]
    assert browser.ip in [one["ip"] for one in entries]
    assert "203.0.113.9" not in found.stdout


def test_a_name_in_any_script_reaches_the_app(front: Front) -> None:
    """In the one encoding that headers allow: percent signs (RFC 3986)."""
    link = front.agent.link("users", "add", "zoe", "Żoë 王", "zoe@example.com")
    browser = front.browser()
    browser.submit(link, link, name="zoe", password=PASSWORD, again=PASSWORD)

    _log_in(browser, "zoe", "/")

    seen = shown(browser.ask("GET", SITE, "/"))
    assert seen.value("remote-name").isascii()
    assert unquote(seen.value("remote-name")) == "Żoë 王"


def test_an_administrator_is_asked_for_the_second_factor(
    front: Front, admin: Member
) -> None:
    """The password alone opens neither the pages nor the site."""
    browser = front.browser()

    half = browser.submit("/login", "/login", to="", name="ada", password=PASSWORD)

    assert half.header("location").startswith("/second")
    assert browser.ask("GET", SITE, "/").status == 401
    done = browser.submit("/second", "/second", to="", kind="totp", code=admin.code())
    assert done.status == 303, done.text
    assert visit(browser, "/").status == 200
    assert browser.ask("GET", SITE, "/").status == 200
