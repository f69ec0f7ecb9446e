"""Request lines, hosts and bodies that are read in two ways get nobody to the app."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from tests.agent.caddy.front import Front, marker
from tests.agent.web.browser import LOGIN_HOST, SITE, Member

TARGETS = [
    "/",
    "/open2",
    "/OPEN/../secret",
    "/open/../secret",
    "/open/./../secret",
    "/open/%2e%2e/secret",
    "/open/.%2e/secret",
    "/open/%252e%252e/secret",
    "/open/..%2fsecret",
    "/open%2f..%2fsecret",
    "/open/..%5csecret",
    "/open\\..\\secret",
    "/open/..;/secret",
    "/open;/../secret",
    "/open;x=1/../secret",
    "/open/%00/../secret",
    "/open%00",
    "/secret%00/open",
    "/open/\x00",
    "/open/\xff/../secret",
    "//open/../secret",
    "//secret",
    "/open//../secret",
    "/secret?/open",
    "/secret#/open",
    "/secret%3f/open",
    "/secret%23/open",
    "/secret/..;/open",
    "secret",
    "*",
    "?/open",
    "",
    "/_auth/../secret",
    "/_auth/%2e%2e/secret",
    "/_auth/..%2fsecret",
    "/_auth/..;/secret",
    "/_auth//../secret",
    "/_auth/session/../../secret",
    "/%5fauth/../secret",
    "/_AUTH/secret",
    "/_auth",
    "/_auth/verify",
    "/verify",
    "https://app.example.com/secret",
    "https://app.example.com/open/../secret",
    "http://evil.example/secret",
    "https://auth.example.com/secret",
    "https://app.example.com@evil.example/secret",
    "file:///secret",
]
HOSTS = [
    ["APP.example.com"],
    ["app.example.com."],
    ["app.example.com:443"],
    ["app.example.com:8443"],
    ["app.example.com@evil.example"],
    ["evil.example"],
    [LOGIN_HOST],
    ["localhost"],
    [""],
    [],
    [SITE, SITE],
    [SITE, "evil.example"],
    ["evil.example", SITE],
    ["app.example.com/open"],
    ["app.example.com\tevil"],
]
METHODS = ["get", "HEAD", "POST", "OPTIONS", "TRACE", "CONNECT", "PRI", "G-T", "GET/"]
FORWARDED = [
    "X-Forwarded-Uri: /open",
    "X-Forwarded-Uri: /open\r\nX-Forwarded-Uri: /open",
    "X-Forwarded-Method: OPTIONS",
    "X-Forwarded-Host: auth.example.com",
    "X-Forwarded-Proto: http",
    "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1",
    "X_Forwarded_Uri: /open",
    "X-Original-URI: /open",
    "X-Rewrite-URL: /open",
    "Forwarded: host=auth.example.com;proto=https",
    "Connection: X-Forwarded-Uri, X-Forwarded-Method",
    "Connection: X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-For",
    "Connection: Cookie, Authorization",
    "Authorization: Bearer kgk_",
    "Authorization: Basic YWRhOmFkYQ==",
    "Cookie: __Host-auth-site=" + "A" * 43,
    "Cookie: __Host-auth-site=x",
    "Cookie: a=1\r\nCookie: __Host-auth-site=" + "A" * 43,
    "Remote-User: ada",
]


def _is_public(target: str) -> bool:
    """Whether *target* leads below /open in the strictest of all readings."""
    path = re.sub("^https?://[^/]*", "", target).partition("?")[0].partition("#")[0]
    for _ in range(4):
        path = unquote(path, "latin-1")
    parts: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        name = part.partition(";")[0].partition("\0")[0]
        if name == "..":
            parts = parts[:-1]
        elif name not in {"", "."}:
            parts.append(name)
    return parts[:1] == ["open"]


def _ask(
    front: Front,
    target: str,
    *lines: str,
    hosts: list[str] | None = None,
    method: str = "GET",
    version: str = "HTTP/1.1",
    body: bytes = b"",
) -> tuple[bytes, list[str], list[str]]:
    """Return the answer, and which targets and users the app got from it."""
    mark = marker()
    head = [
        f"{method} {target} {version}",
        *(f"Host: {host}" for host in ([SITE] if hosts is None else hosts)),
        f"X-Marker: {mark}",
        *lines,
        *([] if any("Connection" in line for line in lines) else ["Connection: close"]),
    ]
    text = "\r\n".join([*head, "", ""]).encode("latin-1")
    # The second request ends a connection that the first one kept.
    answer = front.raw(text + body.replace(b"MARK", mark.encode()) + END)
    seen = front.echo.of(mark)
    return answer, [one.target for one in seen], [u.value("remote-user") for u in seen]


END = b"GET /open HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("target", TARGETS)
def test_no_target_gets_a_stranger_to_what_is_not_public(
    front: Front, target: str
) -> None:
    """What reaches the app is public however the app reads it."""
    for version in ("HTTP/1.1", "HTTP/1.0"):
        _, targets, users = _ask(front, target, version=version)

        assert [one for one in targets if not _is_public(one)] == []
        assert [user for user in users if user] == []


@pytest.mark.parametrize("target", TARGETS)
def test_who_is_known_reaches_the_path_that_was_judged(
    front: Front, admin: Member, target: str
) -> None:
    """Nothing reaches the app in another reading than the gate's, or as nobody."""
    site = admin.browser.cookies[SITE]["__Host-auth-site"]

    answer, targets, users = _ask(front, target, f"Cookie: __Host-auth-site={site}")

    assert set(users) <= {"ada"}
    assert [one for one in targets if ".." in unquote(unquote(one))] == []
    if not targets:
        assert not answer.startswith(b"HTTP/1.1 5"), answer


@pytest.mark.parametrize("hosts", HOSTS)
def test_no_host_gets_a_stranger_to_the_app(front: Front, hosts: list[str]) -> None:
    """Wrong, repeated, missing or spelt otherwise."""
    for version in ("HTTP/1.1", "HTTP/1.0"):
        for name in (SITE, LOGIN_HOST):
            mark = marker()
            lines = "".join(f"Host: {host}\r\n" for host in hosts)
            head = f"GET /secret {version}\r\n{lines}X-Marker: {mark}\r\n"
            front.raw(f"{head}Connection: close\r\n\r\n".encode(), name=name)

            assert front.echo.of(mark) == []


@pytest.mark.parametrize("method", METHODS)
def test_no_method_gets_a_stranger_to_the_app(front: Front, method: str) -> None:
    """Not even one that browsers send before others."""
    assert _ask(front, "/secret", method=method)[1] == []
    assert _ask(front, "app.example.com:443", method=method)[1] == []


@pytest.mark.parametrize("lines", FORWARDED)
def test_no_header_gets_a_stranger_to_the_app(front: Front, lines: str) -> None:
    """The gate judges what the proxy says, and credentials only if they are good."""
    answer, targets, _ = _ask(front, "/secret", lines)

    assert targets == []
    assert answer.split(b" ")[1] in {b"400", b"401"}, answer


SMUGGLED = b"GET /secret HTTP/1.1\r\nHost: app.example.com\r\nX-Marker: MARK\r\n\r\n"
FRAMING = [
    (["Content-Length: 4", "Transfer-Encoding: chunked"], b"0\r\n\r\n" + SMUGGLED),
    (["Content-Length: 0", "Content-Length: 90"], SMUGGLED),
    (["Content-Length: 0, 90"], SMUGGLED),
    (["Content-Length: +90"], SMUGGLED),
    (["Transfer-Encoding: chunked", "Transfer-Encoding: x"], b"0\r\n\r\n" + SMUGGLED),
    (["Transfer-Encoding: \x0bchunked"], b"0\r\n\r\n" + SMUGGLED),
    (["Transfer-Encoding : chunked"], b"0\r\n\r\n" + SMUGGLED),
    (["Transfer-Encoding: chunked"], b"0;\r\n\r\n" + SMUGGLED),
    (["Content-Length: 0"], SMUGGLED),
    (["X: y\rX-Forwarded-Uri: /open"], b""),
    (["X: y\nRemote-User: ada"], b""),
    ([" Remote-User: ada"], b""),
]


@pytest.mark.parametrize(("lines", "body"), FRAMING)
def test_no_framing_hides_a_request_from_the_gate(
    front: Front, lines: list[str], body: bytes
) -> None:
    """Where one request ends and the next begins is read in one way (RFC 9112, 6)."""
    _, targets, users = _ask(
        front, "/open", *lines, "Connection: keep-alive", method="POST", body=body
    )

    assert [one for one in targets if not _is_public(one)] == []
    assert [user for user in users if user] == []
