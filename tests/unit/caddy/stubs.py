"""A stub of the agent, and an app that shows what it was sent, on unix sockets.

Also run on hosts, as `python3 stubs.py agent|app SOCKET`: nothing but the standard
library of Python 3.11 is used.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: object) -> object:
        """Stand in for what hosts do not have."""
        return method


TOKEN = "__Host-auth-site=alice"  # noqa: S105 - no secret, a stub's
IDENTITY = (
    *("Remote-User", "Remote-Id", "Remote-Name", "Remote-Email", "Remote-Role"),
    *("Remote-Permissions", "Remote-Auth", "Remote-Session"),
)


class Server(ThreadingMixIn, UnixStreamServer):
    """Serves on a socket; *judged* holds what an agent was asked about."""

    daemon_threads = True

    def __init__(self, path: str, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(path, handler)
        self.judged: list[str] = []
        Path(path).chmod(0o666)


class App(BaseHTTPRequestHandler):
    """Answers with all that it was sent, as JSON."""

    protocol_version = "HTTP/1.1"

    @override
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep quiet."""

    @override
    def parse_request(self) -> bool:
        """Have one method answer, whatever the request's method is."""
        read = super().parse_request()
        self.command = "GET"
        return read

    def do_GET(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.respond(200, {}, self.seen("app"))

    def seen(self, who: str) -> bytes:
        """Return what arrived."""
        told = {"who": who, "path": self.path, "headers": self.headers.items()}
        return json.dumps(told).encode()

    def respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(body)


class Agent(App):
    """Knows one cookie; everything below /public is for everybody."""

    # A connection for each question: none is left that a stopped agent answers.
    protocol_version = "HTTP/1.0"

    @override
    def do_GET(self) -> None:
        """Answer."""
        if self.path != "/verify":
            self.respond(200, {}, self.seen("agent"))
            return
        target = self.headers.get("x-forwarded-uri", "")
        if isinstance(self.server, Server):
            self.server.judged.append(target)
        known = TOKEN in (self.headers.get("cookie") or "")
        if known or target.startswith("/public"):
            self.respond(200, dict.fromkeys(IDENTITY, "alice" if known else ""), b"")
        else:
            self.respond(401, {}, self.seen("verify"))


def main(kind: str, path: str) -> None:
    """Serve until somebody ends us."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    Server(path, Agent if kind == "agent" else App).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
