"""Pseudo headers and fields that HTTP/2 and HTTP/3 forbid get nobody to the app."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from deploys.caddy import places
from keepgate import lab
from tests.agent.caddy.front import marker
from tests.agent.caddy.test_targets import _is_public
from tests.agent.web.browser import LOGIN_HOST, SITE
from tests.lab.attack.frames import http2, http3

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.agent.caddy.echo import Seen
    from tests.agent.web.browser import Member
    from tests.lab.attack.besieged import Besieged

    Field = tuple[str, str]
    Ask = Callable[[Sequence[Field], bytes], int]

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]

PATH, HOST = (":path", "/secret"), (":authority", SITE)
HEAD = ((":method", "GET"), (":scheme", "https"), HOST, PATH)
OPEN = (*HEAD[:3], (":path", "/open"))
LINE = "/open HTTP/1.1\r\nHost: app.example.com\r\nRemote-User: ada\r\n\r\nGET /secret"
SMUGGLED = b"GET /secret HTTP/1.1\r\nHost: app.example.com\r\nRemote-User: ada\r\n\r\n"
FORGED: dict[str, tuple[Field, ...]] = {
    "two paths": (*OPEN, PATH),
    "two paths, the other way": (*HEAD, (":path", "/open")),
    "two authorities": (*HEAD, (":authority", LOGIN_HOST)),
    "two methods": (*HEAD, (":method", "OPTIONS")),
    "an authority and another host": (*HEAD, ("host", LOGIN_HOST)),
    "a host and another authority": (
        *((":method", "GET"), (":scheme", "https"), (":authority", LOGIN_HOST)),
        *(PATH, ("host", SITE)),
    ),
    "a host alone": (*HEAD[:2], PATH, ("host", SITE)),
    "a user in the authority": (*HEAD[:2], PATH, (":authority", f"ada@{SITE}")),
    "plain http": (HEAD[0], (":scheme", "http"), *HEAD[2:]),
    "no scheme": (HEAD[0], *HEAD[2:]),
    "a scheme with a path": (HEAD[0], (":scheme", "https://x/open?"), *HEAD[2:]),
    "a path that goes up": (*HEAD[:3], (":path", "/open/../secret")),
    "an absolute path": (*HEAD[:3], (":path", f"https://{SITE}/secret")),
    "a bare path": (*HEAD[:3], (":path", "secret")),
    "no path": HEAD[:3],
    "an empty path": (*HEAD[:3], (":path", "")),
    "a path of two requests": (*HEAD[:3], (":path", LINE)),
    "a method of two requests": (
        (":method", f"GET {LINE} HTTP/1.1\r\nX: y"),
        *OPEN[1:],
    ),
    "a fragment": (*HEAD[:3], (":path", "/secret#/open")),
    "a pseudo header of identity": (*HEAD, (":remote-user", "ada")),
    "a pseudo header at the end": (*OPEN, ("x", "y"), PATH),
    "connect": ((":method", "CONNECT"), HOST),
    "connect with a path": ((":method", "CONNECT"), *HEAD[1:]),
    "websocket": ((":method", "CONNECT"), (":protocol", "websocket"), *HEAD[1:]),
    "upgrade": (*HEAD, ("connection", "Upgrade"), ("upgrade", "websocket")),
    "capitals": (*OPEN, ("Remote-User", "ada")),
    "identity": (*OPEN, ("remote-user", "ada"), ("remote-user", "eve")),
    "underscores": (*OPEN, ("remote_user", "ada")),
    "dots": (*OPEN, ("remote.user", "ada")),
    "a name of two lines": (*OPEN, ("x: y\r\nremote-user", "ada")),
    "a value of two lines": (*OPEN, ("x", "y\r\nRemote-User: ada")),
    "a value of two lines, half": (*OPEN, ("x", "y\nRemote-User: ada")),
    "a value with a zero": (*OPEN, ("x", "y\0Remote-User: ada")),
    "a space in a name": (*OPEN, (" remote-user", "ada"), ("remote-user ", "ada")),
    "dropping": (*HEAD, ("connection", "remote-user, x-forwarded-uri")),
    "forwarding": (*HEAD, ("x-forwarded-uri", "/open"), ("x-forwarded-method", "GET")),
    "crumbs": (*HEAD, ("cookie", "__Host-auth-"), ("cookie", "site=" + "A" * 43)),
    "chunks": (*OPEN, ("transfer-encoding", "chunked")),
    "a length of none": (*OPEN, ("content-length", "0")),
    "two lengths": (*OPEN, ("content-length", "0"), ("content-length", "90")),
}


@pytest.fixture(scope="module", params=["h2", "h3"])
def ask(besieged: Besieged, request: pytest.FixtureRequest) -> Ask:
    """What sends one request with the given fields."""
    address = besieged.host.address4
    authority = lab.execute(besieged.host, f"cat {places.ROOT}")
    if request.param == "h3":
        return lambda fields, body: http3(address, SITE, authority, fields, body)
    context = ssl.create_default_context(cadata=authority)
    return lambda fields, body: http2(address, SITE, context, fields, body)


def _arrived(on: Besieged, before: int) -> list[Seen]:
    return on.front.echo.seen[before:]


def _claims(seen: Seen) -> set[str]:
    """Return every identity that an app may read there, in any spelling."""
    folded = seen.folded()
    return {value for name in folded if "remote" in name for value in folded[name]}


@pytest.mark.parametrize("what", FORGED)
def test_no_field_gets_a_stranger_to_the_app(
    besieged: Besieged, ask: Ask, what: str
) -> None:
    """What reaches the app is public, and says of nobody that one is there.

    Alone, and before what would be another request to a careless proxy.
    """
    before = len(besieged.front.echo.seen)

    for body in (b"", b"0\r\n\r\n" + SMUGGLED):
        ask(FORGED[what], body)

    for seen in _arrived(besieged, before):
        assert _is_public(seen.target), seen
        assert _claims(seen) <= {""}, seen


@pytest.mark.parametrize("what", FORGED)
def test_no_field_changes_who_one_is(
    besieged: Besieged, ask: Ask, admin: Member, what: str
) -> None:
    """Each header of identity arrives once, as the gate gave it, or nothing does."""
    site = admin.browser.cookies[SITE]["__Host-auth-site"]
    cookie = ("cookie", f"__Host-auth-site={site}")
    word, before = marker(), len(besieged.front.echo.seen)
    assert 200 == ask((*HEAD, cookie, ("x-marker", word)), b"")
    (honest,) = besieged.front.echo.of(word)

    ask((*FORGED[what], cookie), b"")

    for seen in _arrived(besieged, before + 1):
        assert honest.value("remote-user") == seen.value("remote-user") == "ada"
        assert _claims(honest) == _claims(seen), seen
        assert ".." not in seen.target
