"""Carries a request from granian's interface to an ASGI app and its answer back.

Bodies are small here (forms and JSON): one is read whole, up to a cap, and given in
one message. Answers go out whole, too, unless the app streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Protocol

from auth_agent.web.scope import HeaderMap

MAX_BODY = 64 * 1024
"""Longest body of a request in bytes."""

MAX_HEADERS = 100
"""Most header lines of a request."""

ONCE = (
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "sec-fetch-site",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
)
"""Headers that a request may have once at most."""

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Pairs = list[tuple[str, str]]


class HeaderList(HeaderMap, Protocol):
    """Headers that can be listed."""

    def items(self) -> Sequence[tuple[str, str]]:
        """Return all headers in their order."""
        ...


class PageScope(Protocol):
    """A request, as granian gives it."""

    method: str
    path: str
    query_string: str
    client: str
    scheme: str

    @property
    def headers(self) -> HeaderList:
        """The headers."""
        ...


class Transport(Protocol):
    """An answer that goes out in parts."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a part."""
        ...


class Channel(Protocol):
    """The way back to the client."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body in parts."""
        ...

    def response_empty(self, status: int, headers: Pairs) -> None:
        """Answer without a body."""
        ...

    def response_bytes(self, status: int, headers: Pairs, body: bytes) -> None:
        """Answer with a body."""
        ...

    def response_str(self, status: int, headers: Pairs, body: str) -> None:
        """Answer with a text."""
        ...

    def response_stream(self, status: int, headers: Pairs) -> Transport:
        """Answer with a body in parts."""
        ...


BODY_SECONDS = 15.0
"""How long a body may take to come."""


class TooLarge(Exception):
    """The body of a request is above the cap."""


def refusal(scope: PageScope) -> int:
    """Return the status with which a request is refused unread, 0 if it is not."""
    headers = scope.headers
    if any(len(headers.get_all(name)) > 1 for name in ONCE):
        return 400
    if len(headers.items()) > MAX_HEADERS:
        return 431
    length = headers.get("content-length")
    if length is not None:
        text = str(length)
        if not (text.isascii() and text.isdigit()):
            return 400
        if int(text) > MAX_BODY:
            return 413
    return 0


async def read_body(protocol: Channel) -> bytes:
    """Return the body of a request.

    Raises:
        TooLarge: it is above the cap.
    """
    parts: list[bytes] = []
    size = 0
    async for part in protocol:
        size += len(part)
        if size > MAX_BODY:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


async def carry(app: App, scope: PageScope, protocol: Channel) -> int:
    """Have *app* answer the request; return the status of its answer."""
    status = refusal(scope)
    body = b""
    if not status:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await read_body(protocol)
        except TooLarge:
            status = 413
        except TimeoutError:
            status = 408
    if status:
        protocol.response_empty(status, [("connection", "close")])
        return status
    answer = _Answer(protocol)
    waiting: list[Message] = [{"type": "http.request", "body": body}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    await app(_asgi(scope), receive, answer.send)
    return answer.status


class _Answer:
    """Collects an answer; hands it over whole, or in parts if there are several."""

    def __init__(self, protocol: Channel) -> None:
        self.status = 500
        self._protocol = protocol
        self._headers: Pairs = []
        self._stream: Transport | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = _status(message["status"])
            self._headers = _pairs(message.get("headers", ()))
            return
        body = message.get("body", b"")
        data = body if isinstance(body, bytes) else b""
        if message.get("more_body"):
            if self._stream is None:
                self._stream = self._protocol.response_stream(
                    self.status, self._headers
                )
            if data:
                await self._stream.send_bytes(data)
        elif self._stream is not None:
            if data:
                await self._stream.send_bytes(data)
        else:
            self._protocol.response_bytes(self.status, self._headers, data)


def _status(value: object) -> int:
    return value if isinstance(value, int) else 500


def _pairs(headers: object) -> Pairs:
    if not isinstance(headers, list | tuple):
        return []
    return [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
    ]


def _asgi(scope: PageScope) -> Message:
    host, _, port = scope.client.rpartition(":")
    return {
        "type": "http",
        # From 2.4 on, answers in parts do not wait for the client to hang up.
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": scope.method,
        "scheme": scope.scheme,
        # Granian has decoded it already; twice would be another path.
        "path": scope.path,
        "query_string": scope.query_string.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("utf-8", "surrogateescape"))
            for name, value in scope.headers.items()
        ],
        "client": (host, int(port)) if host and port.isdigit() else None,
        "server": None,
        "state": {},
    }
