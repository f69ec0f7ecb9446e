"""A WebSocket opens for who is logged in and comes from the site's own pages."""

from __future__ import annotations

import pytest

from tests.agent.caddy.front import Front, marker
from tests.agent.web.browser import SITE, Member

OWN = f"Origin: https://{SITE}"
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
H2C = (
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
)


def _open(front: Front, *lines: str, path: str = "/socket") -> tuple[bytes, list[str]]:
    """Return the answer, and the users of the requests that reached the app."""
    mark = marker()
    head = [f"GET {path} HTTP/1.1", f"Host: {SITE}", f"X-Marker: {mark}", *lines]
    answer = front.raw("\r\n".join([*head, "", ""]).encode(), until=b"\r\n\r\n")
    return answer, [one.value("remote-user") for one in front.echo.of(mark)]


def _cookie(member: Member) -> str:
    jar = member.browser.cookies[SITE]
    return "Cookie: " + "; ".join(f"{name}={text}" for name, text in jar.items())


def test_it_opens_for_the_sites_own_page(front: Front, admin: Member) -> None:
    """The handshake passes both ways, with the identity that the gate gave."""
    answer, users = _open(front, *UPGRADE, OWN, _cookie(admin))

    assert answer.startswith(b"HTTP/1.1 101 ")
    assert users == ["ada"]


@pytest.mark.parametrize("upgrade", [UPGRADE, H2C, UPGRADE[:2], UPGRADE[1:]])
def test_it_opens_for_no_stranger(front: Front, upgrade: tuple[str, ...]) -> None:
    """Nor does any half of a handshake."""
    answer, users = _open(front, *upgrade, OWN)

    assert answer.startswith(b"HTTP/1.1 401 "), answer
    assert users == []


@pytest.mark.parametrize(
    "origin",
    [
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: https://app.example.com.evil.example",
        "Origin: https://auth.example.com",
        "Origin: http://app.example.com",
        f"{OWN}\r\n{OWN}",
        "X: y",
    ],
)
def test_it_opens_for_no_foreign_page(front: Front, admin: Member, origin: str) -> None:
    """Browsers send cookies with it from everywhere (RFC 6455, section 10.2)."""
    answer, users = _open(front, *UPGRADE, origin, _cookie(admin))

    assert answer.split(b" ")[1] in {b"400", b"403"}, answer
    assert users == []
