"""An app behind the gate that answers with the request as it got it."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""

PAGE = """<!doctype html><html lang="en"><head><title>The app</title></head>
<body><h1>The app</h1><p id="path">{path}</p><p id="user">{user}</p>
<p id="role">{role}</p></body></html>"""


@dataclass(frozen=True)
class Seen:
    """A request that reached the app."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    @property
    def marker(self) -> str:
        """What the test sent along, to know its own requests."""
        return self.value("x-marker")

    def values(self, name: str) -> list[str]:
        """Return all values of header *name*, read as it was written."""
        return [value for key, value in self.headers if key.lower() == name]

    def value(self, name: str) -> str:
        """Return the only value of header *name*, empty without one."""
        values = self.values(name)
        assert len(values) < 2, f"{name} is there more than once"
        return values[0] if values else ""

    def folded(self) -> dict[str, list[str]]:
        """Return the headers as CGI, WSGI and PHP fold their names."""
        found: dict[str, list[str]] = {}
        for key, value in self.headers:
            name = "".join(c if c.isalnum() else "_" for c in key.lower())
            found.setdefault(name, []).append(value)
        return found


@dataclass
class Echo:
    """The app, listening on a port of its own on loopback."""

    seen: list[Seen] = field(default_factory=list)
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = _Server(self)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens, as HOST:PORT."""
        return f"127.0.0.1:{self.server.server_port}"

    def of(self, marker: str) -> list[Seen]:
        """Return the requests with that marker that came so far."""
        return [one for one in tuple(self.seen) if one.marker == marker]

    def close(self) -> None:
        """Listen no more."""
        self.server.shutdown()
        self.server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, echo: Echo) -> None:
        self.echo = echo
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    disable_nagle_algorithm = True

    @override
    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # the proxy has hung up
            self.close_connection = True

    def __getattr__(self, name: str) -> object:
        """Answer every method alike."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        """Note the request; give it back."""
        pairs = (*self.headers.items(), *self.rest())
        seen = Seen(self.command, self.path, pairs)
        assert isinstance(self.server, _Server)
        self.server.echo.seen.append(seen)
        if self.headers.get("upgrade", "").lower() == "websocket":
            self.upgrade()
            return
        body, kind = _body(seen, self.headers.get_all("accept") or ())
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def rest(self) -> list[tuple[str, str]]:
        """Read the body; return the fields that stand after it (RFC 9112, 7.1.2)."""
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            self.rfile.read(int(self.headers.get("content-length") or 0))
            return []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self.rfile.read(size + 2)
        trailers = http.client.parse_headers(self.rfile)
        return list(trailers.items())

    def upgrade(self) -> None:
        """Open a WebSocket, send one text and close (RFC 6455)."""
        key = self.headers.get("sec-websocket-key", "")
        digest = sha1((key + _WEBSOCKET).encode(), usedforsecurity=False).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.wfile.write(b"\x81\x02hi\x88\x00")
        self.close_connection = True

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _body(seen: Seen, accept: Sequence[str]) -> tuple[bytes, str]:
    if any("text/html" in one for one in accept):
        text = PAGE.format(
            path=seen.target,
            user=seen.value("remote-user"),
            role=seen.value("remote-role"),
        )
        return text.encode(), "text/html; charset=utf-8"
    data = {"target": seen.target, "headers": seen.headers}
    return json.dumps(data).encode(), "application/json"
