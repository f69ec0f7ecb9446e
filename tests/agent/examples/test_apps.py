"""The apps of the guide do behind the gate what the guide says they do."""

from __future__ import annotations

import json
from urllib.parse import urlencode, urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.agent.examples.street import Street, visit
from tests.agent.web.browser import LOGIN_HOST, Browser, Page

NOTES = "notes.example.com"
HANDBOOK = "handbook.example.com"
CHAT = "chat.example.com"


def _post(browser: Browser, path: str, **fields: str) -> Page:
    visit(browser, NOTES)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"https://{NOTES}",
        "Sec-Fetch-Site": "same-origin",
    }
    return browser.ask("POST", NOTES, path, headers=headers, body=urlencode(fields))


def _talk(street: Street, browser: Browser, path: str = "/ws") -> ClientConnection:
    cookies = "; ".join(
        f"{name}={text}" for name, text in browser.cookies.get(CHAT, {}).items()
    )
    return connect(
        f"ws://{CHAT}{path}",  # the connection given is over TLS already
        sock=street.proxy.connect(CHAT),
        origin=Origin(f"https://{CHAT}"),
        additional_headers={"Cookie": cookies} if cookies else {},
        proxy=None,
    )


@pytest.mark.parametrize("host", [NOTES, HANDBOOK, CHAT])
def test_a_stranger_is_sent_to_the_login(street: Street, host: str) -> None:
    """And never reaches an app."""
    page = street.browser().ask("GET", host, "/", headers={"Accept": "text/html"})

    assert 302 == page.status
    assert LOGIN_HOST == urlsplit(page.header("location")).netloc


def test_the_flask_app_knows_who_is_there(
    street: Street, admin: Browser, editor: Browser
) -> None:
    """Notes are kept by account, and only their owner and an admin read them."""
    added = _post(editor, "/", text="milk")
    own = visit(editor, "app.example.com").text
    others = visit(admin, NOTES).text

    assert {"user": "eve", "notes": ["milk"]} == added.json
    assert {"user": "ada", "notes": []} == json.loads(others)
    assert "eve" in own
    assert 403 == visit(editor, NOTES, "/notes/somebody-else").status
    assert 200 == visit(admin, NOTES, "/notes/somebody-else").status
    assert street.agent.process.poll() is None


def test_permissions_are_asked_for_by_the_gate(
    admin: Browser, editor: Browser, viewer: Browser
) -> None:
    """A viewer reads, an editor writes, an admin has the site's own permission."""
    assert 403 == _post(viewer, "/", text="x").status
    assert 200 == visit(viewer, NOTES).status
    assert 403 == _post(editor, "/publish").status
    assert {"published by": "ada"} == _post(admin, "/publish").json


def test_a_public_path_is_for_everybody(street: Street, viewer: Browser) -> None:
    """Nobody is nobody there, whatever a client claims, and who is known is named."""
    stranger = street.browser()
    forged = {"Remote-User": "ada", "Remote_User": "ada"}
    visit(viewer, NOTES)

    claimed = stranger.ask("GET", NOTES, "/about", headers=forged)

    assert "nobody" == claimed.json["reader"]
    assert "vic" == viewer.ask("GET", NOTES, "/about").json["reader"]
    assert 401 == stranger.ask("GET", NOTES, "/about-us").status


def test_files_are_served_to_who_is_logged_in(street: Street, viewer: Browser) -> None:
    """Dot files to nobody, and what is public to everybody."""
    stranger = street.browser()

    assert "Handbook" in visit(viewer, HANDBOOK).text
    assert 404 == visit(viewer, HANDBOOK, "/.secret").status
    assert 401 == stranger.ask("GET", HANDBOOK, "/index.html").status
    assert "Press kit" in stranger.ask("GET", HANDBOOK, "/press/kit.html").text


def test_the_websocket_app_hears_who_speaks(street: Street, editor: Browser) -> None:
    """An editor may, through the gate and back."""
    visit(editor, CHAT)

    with _talk(street, editor) as chat:
        chat.send("hello")
        assert "eve: hello" == chat.recv(20)


def test_the_websocket_app_is_closed_to_others(street: Street, viewer: Browser) -> None:
    """To a viewer, who lacks the permission, and to a stranger."""
    visit(viewer, CHAT)

    for browser, status in ((viewer, 403), (street.browser(), 401)):
        with pytest.raises(InvalidStatus) as refused:
            _talk(street, browser)
        assert status == refused.value.response.status_code


@pytest.mark.parametrize("host", [NOTES, HANDBOOK, CHAT])
def test_the_link_to_sign_out_leads_to_the_login_host(
    street: Street, host: str
) -> None:
    """From every site, before the app is asked."""
    page = street.browser().ask("GET", host, "/_auth/logout")

    assert 303 == page.status
    assert f"https://{LOGIN_HOST}/logout" == page.header("location")


def test_signing_out_ends_it_at_every_site(street: Street) -> None:
    """The form on that page ends the login and the sessions made from it."""
    browser = street.member("sam", "viewer")
    assert 200 == visit(browser, NOTES).status
    assert 200 == visit(browser, HANDBOOK).status

    browser.submit("/logout", "/logout")

    assert 401 == browser.ask("GET", NOTES, "/").status
    assert 401 == browser.ask("GET", HANDBOOK, "/").status


@pytest.mark.parametrize("name", ["run/notes/app.sock", "run/chat/app.sock"])
def test_sockets_are_closed_to_other_users(street: Street, name: str) -> None:
    """As the guide's commands and programs make them."""
    assert 0o770 == (street.folder / name).stat().st_mode & 0o777
