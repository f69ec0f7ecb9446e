"""Identity headers that a client sends never reach the app, however they are spelt."""

from __future__ import annotations

import pytest
from auth_agent.sessions.assertions import HEADER
from auth_agent.sessions.model import HEADER_NAMES

from tests.agent.caddy.echo import Seen
from tests.agent.caddy.front import Front, marker
from tests.agent.web.browser import SITE, Browser, Member

FORGED = "forged-by-client"
PUBLIC = "/open/page"
NAMES = (*HEADER_NAMES, HEADER)
"""What the gate sends for every site, and what only some ask for."""
IDENTITY = frozenset(name.replace("-", "_") for name in HEADER_NAMES)


def _spellings(name: str) -> list[str]:
    first, _, last = name.partition("-")
    return [
        name,
        name.upper(),
        name.title(),
        *(f"{first}{mark}{last}" for mark in "_.~!"),
        f"{first.title()}_{last.upper()}",
        f"{name}_",
        f"{name}-",
    ]


def _send(browser: Browser, path: str, headers: dict[str, str], front: Front) -> Seen:
    """Return the request as the app got it; fail if it did not."""
    mark = marker()
    browser.ask("GET", SITE, path, headers={**headers, "X-Marker": mark})
    (seen,) = front.echo.of(mark)
    return seen


def _identity(seen: Seen) -> dict[str, list[str]]:
    """Return what an app may take for an identity, and that is not empty."""
    return {
        name: values
        for name, values in seen.folded().items()
        if name.startswith("remote") and any(values)
    }


@pytest.mark.parametrize("name", NAMES)
def test_nobody_gives_oneself_an_identity(front: Front, name: str) -> None:
    """Each spelling alone, and all of them at once."""
    browser = front.browser()
    spellings = _spellings(name)

    tries = [*({one: FORGED} for one in spellings), dict.fromkeys(spellings, FORGED)]

    for headers in tries:
        assert _identity(_send(browser, PUBLIC, headers, front)) == {}, headers


@pytest.mark.parametrize("name", NAMES)
def test_nobody_changes_the_identity_one_has(
    front: Front, admin: Member, name: str
) -> None:
    """Every header is there once, and as the gate gave it."""
    honest = _identity(_send(admin.browser, "/", {}, front))
    spellings = _spellings(name)

    tries = [*({one: FORGED} for one in spellings), dict.fromkeys(spellings, FORGED)]

    assert set(honest) == IDENTITY
    assert honest["remote_user"] == ["ada"]
    for headers in tries:
        assert _identity(_send(admin.browser, "/", headers, front)) == honest, headers


def test_repeated_identity_headers_are_all_removed(front: Front) -> None:
    """Three of the same name, which some would join and others take the last of."""
    mark = marker()

    lines = ["Remote-User: a", "Remote-User: b", "remote_user: c", f"X-Marker: {mark}"]
    front.raw(_request(PUBLIC, *lines))

    (seen,) = front.echo.of(mark)
    assert _identity(seen) == {}


def test_identity_headers_after_a_body_are_removed(front: Front) -> None:
    """Trailers are header fields, too (RFC 9110, section 6.5)."""
    mark = marker()

    front.raw(
        _request(
            PUBLIC,
            f"X-Marker: {mark}",
            "Trailer: Remote-User, Remote_User",
            "Transfer-Encoding: chunked",
            method="POST",
        )
        + b"1\r\nx\r\n0\r\nRemote-User: evil\r\nRemote_User: evil\r\n\r\n"
    )

    assert all(_identity(seen) == {} for seen in front.echo.of(mark))


@pytest.mark.parametrize("name", NAMES)
def test_no_identity_header_is_dropped_on_the_way(
    front: Front, admin: Member, name: str
) -> None:
    """`Connection` names what a proxy must drop (RFC 9110, 7.6.1): not the gate's."""
    seen = _send(admin.browser, "/", {"Connection": f"keep-alive, {name}"}, front)

    assert set(_identity(seen)) == IDENTITY


def test_the_app_is_told_one_address_and_the_true_one(
    front: Front, admin: Member
) -> None:
    """The proxy's own word on where a request comes from, and nothing else's."""
    games = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X_Forwarded_For": "203.0.113.9",
        "X.Forwarded.For": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "X-Forwarded-Uri": "/open",
        "X-Forwarded-Prefix": "/open",
        "X-Original-URL": "/open",
        "X-Rewrite-URL": "/open",
        "X_Original_Url": "/open",
        "X_REWRITE_URL": "/open",
        "X-HTTP-Method": "DELETE",
        "X-HTTP-Method-Override": "DELETE",
        "X_Http_Method_Override": "DELETE",
        "X-Method-Override": "DELETE",
    }
    folded = _send(admin.browser, "/", games, front).folded()

    assert [admin.browser.ip] == folded["x_forwarded_for"]
    assert [SITE] == folded["x_forwarded_host"]
    assert ["https"] == folded["x_forwarded_proto"]
    known = {"x_forwarded_for", "x_forwarded_host", "x_forwarded_proto", "x_marker"}
    assert {name for name in folded if name.startswith(("x_", "forwarded"))} == known


def _request(path: str, *lines: str, method: str = "GET") -> bytes:
    head = [f"{method} {path} HTTP/1.1", f"Host: {SITE}", "Connection: close", *lines]
    return "\r\n".join([*head, "", ""]).encode("latin-1")
