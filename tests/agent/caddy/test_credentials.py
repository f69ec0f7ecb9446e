"""The agent's cookies and keys stay before the app; the app's own pass unchanged."""

from __future__ import annotations

import json
import re

import pytest
from auth_agent.web.cookies import Cookie

from tests.agent.caddy.echo import Seen
from tests.agent.caddy.front import Front, shown
from tests.agent.web.browser import SITE, Browser, Member


def _with_cookies(browser: Browser, text: str) -> Seen:
    """Return what the app gets of the Cookie header *text*."""
    return shown(browser.ask("GET", SITE, "/", headers={"Cookie": text}))


@pytest.mark.usefixtures("front")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("SITE", ""),
        ("a=1; SITE", "a=1"),
        ("SITE; a=1", "a=1"),
        ("a=1; SITE; b=2", "a=1 b=2"),
        ("a=1;SITE;b=2", "a=1 b=2"),
        ("a=1;  SITE;  b=2", "a=1 b=2"),
        ("SITE; LOGIN; STEP; DEVICE; BIND; FORM", ""),
        ("x__Host-auth-site=1; SITE", "x__Host-auth-site=1"),
        ("a=__Host-auth-site; SITE", "a=__Host-auth-site"),
    ],
)
def test_the_app_gets_no_cookie_of_the_agent(
    admin: Member, sent: str, kept: str
) -> None:
    """Wherever it stands in the header; also those of the login host."""
    token = admin.browser.cookies[SITE][Cookie.SITE]
    text = sent
    for one in Cookie:
        text = text.replace(one.name, f"{one.value}={token}")

    seen = _with_cookies(admin.browser, text)

    assert token not in json.dumps(seen.headers)
    own = [part.strip() for part in seen.value("cookie").split(";")]
    assert " ".join(part for part in own if part.strip("_")) == kept
    assert seen.value("remote-user") == "ada"


@pytest.mark.parametrize("text", ["SITE; SITE", "SITE; __Host-auth-site=x", "SITExx"])
def test_a_spoilt_cookie_gets_nobody_to_the_app(
    front: Front, admin: Member, text: str
) -> None:
    """Two of its name, or what was never set: refused, also where all is public."""
    token = admin.browser.cookies[SITE][Cookie.SITE]
    sent = text.replace("SITE", f"{Cookie.SITE.value}={token}")
    before = len(front.echo.seen)

    for path in ("/", "/open"):
        page = front.browser().ask("GET", SITE, path, headers={"Cookie": sent})

        assert page.status == 400
    assert len(front.echo.seen) == before


@pytest.fixture(scope="module")
def key(admin: Member) -> str:
    """Return an API key that may see the site's pages."""
    page = admin.browser.submit(
        "/account", "/do/keys.create", name="script", scopes="app.view"
    )
    found = re.search(r"kgk_[A-Za-z0-9_-]+", page.text)
    assert found is not None, page.text
    return found[0]


@pytest.mark.usefixtures("front")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_app_gets_no_key_of_the_agent(admin: Member, key: str, scheme: str) -> None:
    """However it is written: the app could use it elsewhere."""
    headers = {"Authorization": f"{scheme} {key}"}

    seen = shown(admin.browser.ask("GET", SITE, "/", headers=headers))

    assert key not in json.dumps(seen.headers)
    assert seen.value("remote-user") == "ada"


def test_a_key_opens_the_site_without_a_cookie(front: Front, key: str) -> None:
    """For scripts; it may what it was given, and no more."""
    script, headers = front.browser(), {"Authorization": f"Bearer {key}"}

    seen = shown(script.ask("GET", SITE, "/", headers=headers))

    assert seen.value("remote-permissions") == "app.view"
    assert seen.value("remote-auth") == "api_key"
    assert script.ask("POST", SITE, "/", headers=headers).status == 403


@pytest.mark.usefixtures("front")
def test_the_apps_own_credentials_pass(admin: Member) -> None:
    """An app may have tokens and cookies of its own."""
    sent = {"Authorization": "Basic YXBwOmFwcA=="}

    seen = shown(admin.browser.ask("GET", SITE, "/", headers=sent))

    assert seen.value("authorization") == sent["Authorization"]
