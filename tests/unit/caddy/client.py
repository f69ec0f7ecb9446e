"""Requests written byte by byte, over TLS with the check of the certificate."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, headers in lower case, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What the app or the agent tells of the request."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def every(self, name: str) -> list[str]:
        """Return all values that arrived for header *name*, however it is spelt."""
        plain = _letters(name)
        return [value for key, value in self.told["headers"] if _letters(key) == plain]

    @property
    def is_apps(self) -> bool:
        """Whether the app has answered."""
        return self.body.startswith(b'{"who": "app"')


def _letters(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


class Visitor:
    """Somebody who comes to *address* and *port*, and trusts *context*.

    *seen_as* is the address that the other side sees.
    """

    def __init__(
        self, address: str, port: int, context: ssl.SSLContext, *, seen_as: str
    ) -> None:
        self.seen_as = seen_as
        self._where = (address, port)
        self._context = context

    def ask(self, name: str, request: bytes) -> Answer:
        """Send the raw *request* to the server *name* and return its answer."""
        with self.connected(name) as secure:
            secure.sendall(request)
            return read(secure)

    @contextmanager
    def connected(self, name: str) -> Iterator[ssl.SSLSocket]:
        """Have a connection to the server *name*."""
        plain = socket.create_connection(self._where, timeout=SECONDS)
        with plain, self._context.wrap_socket(plain, server_hostname=name) as secure:
            yield secure

    def get(
        self,
        host: str,
        path: str = "/",
        *headers: tuple[str, str],
        method: str = "GET",
        length: int = 0,
    ) -> Answer:
        """Ask for *path* with *headers*, and *length* bytes of a body."""
        return self.ask(host, request(host, path, headers, method=method, size=length))


def request(
    host: str,
    path: str,
    headers: Sequence[tuple[str, str]] = (),
    *,
    method: str = "GET",
    size: int = 0,
) -> bytes:
    """Return a request as bytes; *headers* are written as they are."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        *(f"{key}: {value}" for key, value in headers),
        *([f"Content-Length: {size}"] if size else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + b"x" * size


def read(secure: socket.socket) -> Answer:
    """Return the answer that stands on a connection, which ends with it."""
    data = b""
    while chunk := secure.recv(65536):
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") == "chunked":
        size, _, rest = body.partition(b"\r\n")
        body = rest[: int(size, 16)]
    return Answer(int(first.split()[1]), headers, body)
