"""The gate's signed word comes to the app through Caddy, and nobody else's does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from auth_agent.sessions.assertions import HEADER
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.agent.caddy.front import CADDIES, Front, marker
from tests.agent.web.browser import LOGIN_HOST, SITE, Browser, Member

FORGED = {"Remote-Assertion": "e30.e30.e30", "Remote_Assertion": "e30.e30.e30"}


@pytest.fixture(scope="module", params=CADDIES)
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """Return a front whose site asks for assertions."""
    started = Front.start(request.param, assertion=True)
    yield started
    started.stop()


def _told(front: Front, browser: Browser, path: str) -> list[str]:
    """Return every assertion that the app was sent, in any spelling."""
    mark = marker()
    browser.ask("GET", SITE, path, headers={**FORGED, "X-Marker": mark})
    (seen,) = front.echo.of(mark)
    return seen.folded().get("remote_assertion", [])


def _bytes(word: str) -> bytes:
    return base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))


@pytest.mark.parametrize("host", [LOGIN_HOST, SITE])
def test_the_app_can_check_who_is_there(front: Front, admin: Member, host: str) -> None:
    """By the key at the well-known path, which anybody may read."""
    published = front.browser().ask("GET", host, "/_auth/jwks.json")
    (word,) = _told(front, admin.browser, "/")
    [key] = json.loads(published.text)["keys"]

    assert "application/jwk-set+json" == published.header("content-type")
    text, _, signature = word.rpartition(".")
    public = Ed25519PublicKey.from_public_bytes(_bytes(key["x"]))
    public.verify(_bytes(signature), text.encode())
    head, claims = (json.loads(_bytes(part)) for part in text.split("."))
    assert key["kid"] == head["kid"]
    assert ("ada", SITE) == (claims["user"], claims["aud"])
    assert f"https://{LOGIN_HOST}" == claims["iss"]


def test_nobody_sends_one_of_ones_own(front: Front) -> None:
    """At a public path there is none, whatever a client sends."""
    assert not any(_told(front, front.browser(), "/open"))


def test_it_is_no_way_in(front: Front, admin: Member) -> None:
    """The gate knows cookies and keys alone."""
    (word,) = _told(front, admin.browser, "/")
    headers = {HEADER: word, "Authorization": f"Bearer {word}"}

    assert 401 == front.browser().ask("GET", SITE, "/", headers=headers).status
