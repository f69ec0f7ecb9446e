"""Raw bytes at the real server: whatever comes, no 2xx without an identity."""

from __future__ import annotations

import random
import socket

import pytest

from tests.agent.web.browser import SITE, Agent, Member

FORWARDED = (
    "X-Forwarded-Host: app.example.com\r\nX-Forwarded-Uri: /\r\n"
    "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\n"
)


def _send(agent: Agent, data: bytes) -> bytes:
    """Send *data* and return all that comes until the server is silent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.settimeout(5)
        one.connect(str(agent.gate))
        found = b""
        try:
            one.sendall(data)
            one.shutdown(socket.SHUT_WR)
            while part := one.recv(65_536):
                found += part
        except OSError:
            pass
        return found


def _verify(*lines: str) -> bytes:
    more = "".join(f"{line}\r\n" for line in lines)
    return f"GET /verify HTTP/1.1\r\nHost: {SITE}\r\n{FORWARDED}{more}\r\n".encode(
        "latin-1"
    )


@pytest.mark.parametrize(
    "data",
    [
        _verify(),
        _verify("Cookie: __Host-auth-site=\xff\xfe"),
        _verify("Cookie: a=b", "Cookie: __Host-auth-site=" + "a" * 43),
        _verify("X-Forwarded-Uri: /open"),
        _verify("X-Forwarded-Host: other"),
        _verify("Authorization: Bearer kgk_" + "x" * 5000),
        _verify("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x"),
        _verify("Content-Length: 5", "Transfer-Encoding: chunked"),
        _verify("A: " + "b" * 500_000),
        _verify(*[f"H{number}: x" for number in range(2000)]),
        b"GET /verify HTTP/1.1\r\n\r\n",
        b"GET /verify HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /../verify HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=lambda data: f"{len(data)}-bytes-{sum(data)}",
)
def test_no_odd_request_passes(agent: Agent, data: bytes) -> None:
    """A 4xx or a closed connection; and the server goes on."""
    answer = _send(agent, data)

    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert agent.browser().get("/login").status == 200


def test_random_bytes_do_no_harm(agent: Agent, admin: Member) -> None:
    """200 spoilt requests, each a good one with some bytes changed."""
    good = _verify("Cookie: __Host-auth-site=" + "a" * 43)
    dice = random.Random(7)  # noqa: S311 - to be the same in every run
    for _ in range(200):
        data = bytearray(good)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)

        assert b"HTTP/1.1 2" not in _send(agent, bytes(data))

    assert admin.browser.get("/account").status == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/login", 200), ("/%6Cogin", 200), ("/%256Cogin", 404)]
)
def test_a_path_is_decoded_once(agent: Agent, path: str, status: int) -> None:
    """As the proxy before it does: what it let through is what is answered."""
    assert agent.browser().get(path).status == status


def test_a_body_above_the_cap_is_refused(agent: Agent) -> None:
    """Told by its length, or found while it comes."""
    head = "POST /login HTTP/1.1\r\nHost: auth.example.com\r\n"
    told = f"{head}Content-Length: 70000\r\n\r\n".encode() + b"a" * 70_000
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 2

    assert _send(agent, told).startswith(b"HTTP/1.1 413")
    assert not _send(agent, chunked + b"0\r\n\r\n").startswith(b"HTTP/1.1 2")
