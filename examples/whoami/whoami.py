#!/usr/bin/env python3
"""Shows who the gate says you are: what an app needs to know of the gate, and no more.

Run it as `whoami.py SOCKET` (a path) or `whoami.py PORT` (on loopback); without an
argument it serves the socket that systemd has opened for it (sd_listen_fds(3)).
"""

from __future__ import annotations

import json
import os
import socket
import sys
from html import escape
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer, ThreadingUnixStreamServer
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: object) -> object:
        """Stand in for `typing.override`, which came with Python 3.12."""
        return method


FIELDS = ("user", "name", "email", "role", "permissions", "auth", "session", "id")
"""What the gate says, each in a header `Remote-…`; empty if nobody is logged in."""

PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
FIRST_PASSED = 3
"""The first descriptor that systemd passes on."""

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class Whoami(BaseHTTPRequestHandler):
    """Answers every GET with the identity of who asks.

    One request a connection (HTTP/1.0): a body that nobody reads can never be taken
    for the next request.
    """

    timeout = 10

    def do_GET(self) -> None:
        """Show the identity: as JSON if that is asked for, as a page otherwise."""
        who = {one: self.headers.get(f"Remote-{one}", "") for one in FIELDS}
        who["name"] = unquote(who["name"])
        if "application/json" in self.headers.get("Accept", ""):
            self._send(json.dumps(who, indent=2) + "\n", "application/json")
        else:
            self._send(page(who), "text/html; charset=utf-8")

    def do_HEAD(self) -> None:
        """Say what a GET would, without the body."""
        self.do_GET()

    @override
    def address_string(self) -> str:
        """Return what the log names instead of an address: a unix socket has none."""
        return "caddy"

    def _send(self, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def page(who: dict[str, str]) -> str:
    """Return the page that shows *who*; nothing in it is taken for HTML."""
    known = bool(who["user"])
    granted = sorted(filter(None, who["permissions"].split(",")))
    return PAGE.substitute(
        title=escape(who["name"] or who["user"]) if known else "Nobody",
        initial=escape((who["name"] or who["user"])[:1].upper()) if known else "?",
        text=f"signed in as {escape(who['user'])}" if known else "not signed in",
        rows="".join(
            f"<div><dt>Remote-{name.title()}</dt>"
            f"<dd>{escape(who[name]) or 'none'}</dd></div>"
            for name in FIELDS
            if name != "permissions"
        ),
        count=len(granted),
        permissions="".join(f"<li>{escape(one)}</li>" for one in granted),
        way="/_auth/logout" if known else "/",
        leave="Sign out" if known else "Sign in",
    )


def listen(where: str) -> socket.socket:
    """Return a listening socket: a port on loopback, or a path for our group alone."""
    if where.isdigit():
        return socket.create_server(("127.0.0.1", int(where)))
    path = Path(f"{where}.new")
    path.unlink(missing_ok=True)
    os.umask(0o007)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen(128)
    path.replace(where)  # it is there once it answers
    return listening


def main() -> None:
    """Serve until somebody ends it."""
    if sys.argv[1:]:
        listening = listen(sys.argv[1])
    elif os.environ.get("LISTEN_PID") == str(os.getpid()):
        listening = socket.socket(fileno=FIRST_PASSED)
    else:
        sys.exit("usage: whoami.py SOCKET|PORT")
    # Its unit allows no socket but unix ones, not even one that is closed at once.
    is_unix = listening.family == socket.AF_UNIX
    kind = ThreadingUnixStreamServer if is_unix else ThreadingTCPServer
    with kind(listening.getsockname(), Whoami, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = listening
        server.daemon_threads = True
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stderr.write("\n")


if __name__ == "__main__":
    main()
