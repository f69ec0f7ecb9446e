"""The generated configuration in real Caddies: who gets through, and as whom.

What a client sends is written to the socket byte by byte: no library may tidy it up.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from deploys.caddy import caddyfile
from deploys.settings import Settings
from tests.unit.caddy.client import Visitor, read, request
from tests.unit.caddy.running import APP, CADDIES, Running
from tests.unit.caddy.stubs import IDENTITY, TOKEN

MakeSettings = Callable[..., Settings]
SITE = "app.kg.test"
OPEN = "open.kg.test"
LENIENT = "lenient.kg.test"
CLOSED = "closed.kg.test"
LOGIN = "auth.kg.test"
_SHARED: dict[str, Any] = {"upstream": APP, "tls": "internal"}
_ALLOWED = ["192.0.2.0/24", "2001:db8::/32"]
SITES: tuple[dict[str, Any], ...] = (
    {**_SHARED, "host": SITE, "max_body": 1, "headers": {"X-Own": 'a "b"'}},
    {**_SHARED, "host": OPEN, "preset": "none", "public": ["/"]},
    {**_SHARED, "host": LENIENT, "preflights": True},
    {**_SHARED, "host": CLOSED, "allow_from": _ALLOWED},
)
LOGIN_SITE = {"host": LOGIN, "tls": "internal"}
COOKIE = ("Cookie", TOKEN)
SPELLINGS = (
    "Remote-{}",
    "remote-{}",
    "Remote_{}",
    "REMOTE_{}",
    "Remote.{}",
    "remote~{}",
)
PREFLIGHT = (("Origin", "https://evil.test"), ("Access-Control-Request-Method", "PUT"))


@pytest.fixture(scope="module", params=CADDIES)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A Caddy of each version with a site of each kind."""
    make: MakeSettings = request.getfixturevalue("shared_settings")
    settings = make(*SITES, login=LOGIN_SITE)
    # A socket's name is short: pytest's own folders are too deep for one.
    with TemporaryDirectory(prefix="gate-") as folder:
        started = Running(request.param, settings, Path(folder))
        yield started
        started.close()


@pytest.fixture(scope="module")
def visitor(running: Running) -> Visitor:
    """Somebody who comes to it."""
    return running.visitor


def test_the_stub_sends_what_the_agent_does() -> None:
    """Every header that the gate takes over."""
    assert caddyfile.IDENTITY == IDENTITY


def test_the_app_is_told_who_came(visitor: Visitor) -> None:
    """Every header of the agent's word arrives, and nothing else of that kind."""
    answer = visitor.get(SITE, "/x?y=1", COOKIE)

    assert answer.is_apps
    assert "/x?y=1" == answer.told["path"]
    assert {name: ["alice"] for name in IDENTITY} == {
        name: answer.every(name) for name in IDENTITY
    }


def test_without_login_nothing_reaches_the_app(visitor: Visitor) -> None:
    """What the agent answers is relayed, and that is all."""
    answer = visitor.get(SITE, "/x")

    assert 401 == answer.status
    assert not answer.is_apps


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_identity_can_be_claimed(visitor: Visitor, spelling: str) -> None:
    """In no spelling, not twice, with a login or without one."""
    forged = [spelling.format(name.partition("-")[2]) for name in IDENTITY]
    claims = [(name, who) for name in forged for who in ("eve", "mallory")]

    public = visitor.get(SITE, "/public", *claims)
    known = visitor.get(SITE, "/x", COOKIE, *claims)
    unknown = visitor.get(SITE, "/x", *claims)
    bare = visitor.get(OPEN, "/x", *claims)

    assert 401 == unknown.status
    for answer in (public, known, unknown, bare):
        assert not {"eve", "mallory"} & {v for _, v in answer.told["headers"]}
    for name in IDENTITY:
        # Later versions leave out what the agent says is empty.
        assert public.every(name) in ([""], [])
        assert ["alice"] == known.every(name)
        assert [] == bare.every(name)


@pytest.mark.parametrize(
    "header",
    [
        *(
            "X-Forwarded-Uri",
            "X-Forwarded-Method",
            "X_Forwarded_Uri",
            "X.Forwarded.Uri",
        ),
        *("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"),
    ],
)
def test_the_agent_judges_the_real_request(visitor: Visitor, header: str) -> None:
    """A path or method that the client claims changes nothing and arrives nowhere."""
    answer = visitor.get(SITE, "/secret", (header, "/public"))
    passed = visitor.get(SITE, "/public", (header, "/claimed"))

    assert 401 == answer.status
    assert ["/secret"] == answer.every("X-Forwarded-Uri")
    assert passed.is_apps
    assert b"/claimed" not in passed.body


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For",
        "X_Forwarded_For",
        "Forwarded",
        "X-Real-IP",
        "CF-Connecting-IP",
    ],
)
@pytest.mark.parametrize("path", ["/public", "/x", "/_auth/session"])
def test_no_address_can_be_claimed(visitor: Visitor, header: str, path: str) -> None:
    """App and agent get one address, the one that the connection comes from."""
    claims = ((header, "203.0.113.9"), (header, "203.0.113.10"))
    answer = visitor.get(SITE, path, *claims)

    assert [visitor.seen_as] == answer.every("X-Forwarded-For")
    assert b"203.0.113" not in answer.body


@pytest.mark.parametrize(
    "cookies",
    [
        TOKEN,
        f"a=1; {TOKEN}; b=2",
        f"a=1;{TOKEN}",
        f"{TOKEN}; __Host-auth-login=secret; __Host-auth-device=secret",
    ],
)
def test_the_app_never_sees_the_session(visitor: Visitor, cookies: str) -> None:
    """The agent's cookies stop at the gate; the app's own go through."""
    answer = visitor.get(SITE, "/x", ("Cookie", cookies))
    (seen,) = answer.every("Cookie")

    assert answer.is_apps
    assert "__Host-auth" not in seen
    assert "secret" not in seen
    assert ("a=1" in cookies) == ("a=1" in seen)


def test_the_app_never_sees_an_api_key(visitor: Visitor) -> None:
    """The agent's keys stop at the gate; an app's own go through."""
    ours = visitor.get(SITE, "/x", COOKIE, ("Authorization", "bearer  kgk_secret"))
    own = visitor.get(SITE, "/x", COOKIE, ("Authorization", "Bearer other"))

    assert ours.is_apps
    assert b"kgk_" not in ours.body
    assert ["Bearer other"] == own.every("Authorization")


@pytest.mark.parametrize("name", IDENTITY)
def test_no_word_of_the_gate_is_dropped_on_the_way(visitor: Visitor, name: str) -> None:
    """`Connection` names what a proxy must drop (RFC 9110, 7.6.1)."""
    dropping = ("Connection", f"x, {name}, {name.lower()}")
    answer = visitor.get(SITE, "/x", COOKIE, dropping, dropping)

    assert ["alice"] == answer.every(name)


@pytest.mark.parametrize(
    "line",
    [
        "GET /x HTTP/1.0",
        "GET //x HTTP/1.1",
        "GET /public/../x HTTP/1.1",
        "GET /public%2f..%2fx HTTP/1.1",
        "GET /x?/public HTTP/1.1",
        "GET /x#/public HTTP/1.1",
        "GET https://open.kg.test/x HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ],
)
def test_the_agent_sees_the_path_as_the_app_would(running: Running, line: str) -> None:
    """What reaches the app is what was judged; an absolute target names the site."""
    text = f"{line}\r\nHost: {SITE}\r\nConnection: close\r\n\r\n"
    answer = running.visitor.ask(SITE, text.encode())

    if answer.is_apps and "open.kg.test" not in line:
        assert running.judged[-1] == answer.told["path"]
    elif answer.is_apps:
        assert "open.kg.test" == answer.told["headers"][0][1]
    else:
        assert b"" == answer.body or 400 <= answer.status < 500


@pytest.mark.parametrize("host", ["nix.kg.test", "127.0.0.1", "", "app.kg.test.evil"])
def test_a_name_that_is_no_site_of_ours_gets_nothing(
    visitor: Visitor, host: str
) -> None:
    """The certificate of one site opens no other."""
    answer = visitor.ask(SITE, request(host, "/x", (COOKIE,)))

    assert answer.status in {400, 421}
    assert b"" == answer.body or 400 == answer.status


@pytest.mark.parametrize(
    ("target", "host", "led"),
    [
        ("/x?y=1", SITE, f"https://{SITE}/x?y=1"),
        ("/x", LOGIN, f"https://{LOGIN}/x"),
        ("/x", "evil.test", ""),
        ("/x", "127.0.0.1", ""),
        ("//evil.test/x", SITE, f"https://{SITE}//evil.test/x"),
        ("http://evil.test/x", SITE, ""),
    ],
)
def test_without_tls_there_is_the_way_to_a_site_alone(
    running: Running, target: str, host: str, led: str
) -> None:
    """No redirect leads where only the client says."""
    with socket.create_connection(("127.0.0.1", running.plain), timeout=20) as plain:
        plain.sendall(request(host, target))
        answer = read(plain)

    assert (led, 308 if led else 421) == (
        answer.headers.get("location", ""),
        answer.status,
    )


def test_the_host_decides_not_the_certificate(visitor: Visitor) -> None:
    """An open site's connection does not reach a guarded site's app unasked."""
    answer = visitor.ask(OPEN, request(SITE, "/x"))

    assert 401 == answer.status


def test_names_are_compared_without_case(visitor: Visitor) -> None:
    """Capital letters lead to the same guarded site."""
    answer = visitor.ask(SITE, request(SITE.upper(), "/x"))

    assert 401 == answer.status


def test_preflights_are_refused_unless_allowed(visitor: Visitor) -> None:
    """Where they pass, they are nobody's, even with the cookie of somebody."""
    refused = visitor.get(SITE, "/public", *PREFLIGHT, COOKIE, method="OPTIONS")
    passed = visitor.get(
        LENIENT,
        "/x",
        *PREFLIGHT,
        COOKIE,
        ("Authorization", "Bearer x"),
        ("Remote-User", "eve"),
        method="OPTIONS",
    )

    assert 403 == refused.status
    assert passed.is_apps
    for name in ("Cookie", "Authorization", *IDENTITY):
        assert [] == passed.every(name)


def test_what_only_looks_like_a_preflight_is_judged(visitor: Visitor) -> None:
    """Its method is OPTIONS and it says what it asks for, or it is none."""
    plain = visitor.get(LENIENT, "/x", PREFLIGHT[0], method="OPTIONS")
    get = visitor.get(LENIENT, "/x", *PREFLIGHT)

    assert [401, 401] == [plain.status, get.status]


def test_strangers_networks_are_refused(visitor: Visitor) -> None:
    """By the address of the connection, whatever is claimed."""
    answer = visitor.get(CLOSED, "/public", ("X-Forwarded-For", "192.0.2.1"), COOKIE)

    assert 403 == answer.status
    assert b"" == answer.body


def test_a_body_above_the_limit_does_not_arrive(visitor: Visitor) -> None:
    """The app is not asked to bear it."""
    assert _bears(visitor, 1000)
    assert not _bears(visitor, 1_100_000)


def _bears(visitor: Visitor, size: int) -> bool:
    """Whether the app answers to a body of that many bytes."""
    try:
        return visitor.get(SITE, "/public", method="POST", length=size).is_apps
    except (ConnectionError, ssl.SSLError):
        return False  # the server has gone before all was said, and its answer with it


def test_every_answer_has_the_security_headers(visitor: Visitor) -> None:
    """Of the app, of the gate, and of Caddy itself."""
    answers = [
        visitor.get(SITE, "/x", COOKIE),
        visitor.get(SITE, "/x"),
        visitor.get(OPEN, "/x"),
        visitor.get(LOGIN, "/"),
    ]

    for answer in answers:
        assert "max-age=300" == answer.headers["strict-transport-security"]
        assert "nosniff" == answer.headers["x-content-type-options"]
        assert not {"server", "via"} & set(answer.headers)
    assert 'a "b"' == answers[0].headers["x-own"]


def test_the_gate_itself_is_not_for_the_outside(visitor: Visitor) -> None:
    """Nobody probes it with headers of his own making."""
    assert 404 == visitor.get(LOGIN, "/verify").status


def test_logs_hold_no_credentials(running: Running) -> None:
    """No cookie, no key, no code of a query, no link."""
    running.visitor.get(
        LOGIN,
        "/link/invite/sesame-1?code=sesame-2",
        ("Cookie", f"{TOKEN}-sesame-3"),
        ("Authorization", "Bearer sesame-4"),
        ("Referer", "https://auth.kg.test/?code=sesame-5"),
        ("X-Api-Key", "sesame-6"),
    )
    log = (running.folder / "access.json").read_text()

    assert any(
        "/link/invite/" in json.loads(x)["request"]["uri"] for x in log.split("\n") if x
    )
    assert [] == re.findall("sesame", log)


@pytest.mark.parametrize("name", CADDIES)
def test_without_the_agent_nothing_is_let_through(
    name: str, shared_settings: MakeSettings
) -> None:
    """Not to public paths either: nobody can say that they are. Open sites go on."""
    settings = shared_settings(*SITES, login=LOGIN_SITE)
    with TemporaryDirectory(prefix="gate-") as folder:
        running = Running(name, settings, Path(folder))
        try:
            before = running.visitor.get(SITE, "/public")
            running.stop_agent()
            after = [
                running.visitor.get(SITE, p, COOKIE)
                for p in ("/public", "/x", "/_auth/x")
            ]

            assert before.is_apps
            assert {502} == {answer.status for answer in after}
            assert running.visitor.get(OPEN, "/").is_apps
            assert "nosniff" == after[0].headers["x-content-type-options"]
        finally:
            running.close()
