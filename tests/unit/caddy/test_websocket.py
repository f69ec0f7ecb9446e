"""WebSockets through the gate: judged like every request, and cut at their age."""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typing_extensions import override

from deploys.settings import Settings
from tests.unit.caddy.client import request
from tests.unit.caddy.running import CADDIES, Running
from tests.unit.caddy.stubs import App
from tests.unit.caddy.test_gate import COOKIE, LOGIN_SITE, SITE, SITES

MakeSettings = Callable[..., Settings]
AGE = "\t\t\tstream_timeout 12h\n"
SOON = "\t\t\tstream_timeout 2s\n"
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Echo(App):
    """An app that takes WebSockets, and sends back what comes, byte by byte."""

    @override
    def do_GET(self) -> None:
        """Agree to the upgrade; any other request is answered as ever."""
        if self.headers.get("upgrade") != "websocket":
            super().do_GET()
            return
        key = self.headers["sec-websocket-key"] + _MAGIC
        agreed = base64.b64encode(hashlib.sha1(key.encode()).digest())  # noqa: S324 - RFC 6455
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", agreed.decode())
        self.send_header("X-Came", self.headers.get("remote-user", ""))
        self.end_headers()
        while frame := self.connection.recv(4096):
            self.wfile.write(frame)
        self.close_connection = True


@pytest.fixture(params=CADDIES)
def running(
    request: pytest.FixtureRequest, shared_settings: MakeSettings
) -> Iterator[Running]:
    """A Caddy of each version before such an app; its sockets age in seconds."""
    settings = shared_settings(*SITES, login=LOGIN_SITE)
    with TemporaryDirectory(prefix="gate-") as folder:
        found = Running(
            request.param,
            settings,
            Path(folder),
            app=Echo,
            swapped={AGE: SOON} if request.param == "current" else {},
        )
        try:
            yield found
        finally:
            found.close()


def _upgrade(*headers: tuple[str, str]) -> bytes:
    plain = request(
        SITE,
        "/socket",
        (
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
            *headers,
        ),
    )
    return plain.replace(b"Connection: close", b"Connection: Upgrade")


def _head(secure: ssl.SSLSocket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        more = secure.recv(4096)
        assert more, found
        found += more
    return found


def test_a_socket_needs_a_login(running: Running) -> None:
    """Without one the agent's answer comes, and the app is not asked."""
    with running.visitor.connected(SITE) as secure:
        secure.sendall(_upgrade(("Remote-User", "eve")))
        refused = _head(secure)

    assert refused.startswith(b"HTTP/1.1 401 ")


def test_a_socket_passes_with_a_login(running: Running) -> None:
    """Both ways, as whom the agent says."""
    with running.visitor.connected(SITE) as secure:
        secure.sendall(_upgrade(COOKIE, ("Remote-User", "eve")))
        agreed = _head(secure)
        secure.sendall(b"hello")

        assert agreed.startswith(b"HTTP/1.1 101 ")
        assert b"X-Came: alice\r\n" in agreed
        assert b"hello" == secure.recv(5)


@pytest.mark.parametrize("running", ["current"], indirect=True)
def test_a_socket_is_cut_at_its_age(running: Running) -> None:
    """However busy it is; the next one is judged anew."""
    with running.visitor.connected(SITE) as secure:
        secure.sendall(_upgrade(COOKIE))
        assert _head(secure).startswith(b"HTTP/1.1 101 ")
        heard = 0
        try:
            while True:
                secure.sendall(b"x")
                if not secure.recv(1):
                    break
                heard += 1
        except (ssl.SSLError, ConnectionError):
            pass  # cut while we spoke

    assert heard > 0
    with running.visitor.connected(SITE) as secure:
        secure.sendall(_upgrade())
        assert _head(secure).startswith(b"HTTP/1.1 401 ")
