"""The whole front: a real agent and an app behind a real Caddy, and its clients."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from typing_extensions import override

from tests.agent.caddy.echo import Echo, Seen
from tests.agent.caddy.proxy import Proxy
from tests.agent.tools import needed
from tests.agent.web.browser import (
    LOGIN_HOST,
    SITE,
    Agent,
    Browser,
    Member,
    Page,
    make_admin,
)

CADDIES = ("debian", "current")
"""Debian's own, which is old, and the newest that the lock file names."""

NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


@dataclass
class Front:
    """Everything between a browser and an app."""

    agent: Agent
    echo: Echo
    proxy: Proxy
    _clients: list[Tls] = field(default_factory=list)

    @classmethod
    def start(cls, caddy: str, *, assertion: bool = False) -> Front:
        """Start all of it, before a *caddy* of CADDIES.

        With *assertion*, the site has its app told by a signed assertion, too.
        """
        binary = needed("caddy", own=caddy == "current")
        with ExitStack() as undo:
            agent = Agent.start("assertion = true\n" if assertion else "")
            undo.callback(agent.remove)
            echo = Echo()
            undo.callback(echo.close)
            told = " Remote-Assertion" if assertion else ""
            proxy = Proxy.start(binary, agent.gate, echo.address, told)
            undo.pop_all()
        return cls(agent, echo, proxy)

    def stop(self) -> None:
        """End all of it."""
        for client in self._clients:
            client.close()
        self.proxy.stop()
        self.echo.close()
        self.agent.remove()

    def browser(self) -> Browser:
        """Return a browser that was never here, at an address of its own."""
        self._clients.append(Tls(self.proxy))
        high, low = divmod(len(self._clients), 250)
        return Browser(self._clients[-1], f"127.1.{high}.{low + 1}")

    def admin(self) -> Member:
        """Return the first administrator, whose browser is logged in at the site."""
        member = make_admin(self.agent)
        browser = self.browser()
        browser.cookies[LOGIN_HOST] = dict(member.browser.cookies[LOGIN_HOST])
        member.browser = browser
        visit(browser, "/")
        return member

    def raw(self, text: bytes, *, name: str = SITE, until: bytes = b"") -> bytes:
        """Send *text* as it is; return what comes until the proxy hangs up.

        With *until*, return as soon as that has come.
        """
        with self.proxy.connect(name) as connection:
            connection.sendall(text)
            answer = b""
            try:
                while part := connection.recv(65536):
                    answer += part
                    if until and until in answer:
                        break
            except OSError:  # hung up without a word
                pass
        return answer


@dataclass
class Tls:
    """One browser's way through the proxy; it keeps its connections as browsers do."""

    proxy: Proxy
    kept: dict[str, _Connection] = field(default_factory=dict)

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> Page:
        """Return the answer; the client's address is what X-Forwarded-For says."""
        host = headers["Host"]
        if host not in self.kept:
            source = headers.get("X-Forwarded-For", "127.0.0.1")
            self.kept[host] = _Connection(self.proxy, host, source)
        connection = self.kept[host]
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            pairs = [(name.lower(), value) for name, value in answer.getheaders()]
            return Page(answer.status, pairs, answer.read().decode())
        except OSError:
            connection.close()
            raise

    def close(self) -> None:
        """Hang up."""
        for connection in self.kept.values():
            connection.close()


class _Connection(http.client.HTTPSConnection):
    def __init__(self, proxy: Proxy, host: str, source: str) -> None:
        super().__init__(host, timeout=20)
        self._proxy = proxy
        self._source = source

    @override
    def connect(self) -> None:
        self.sock = self._proxy.connect(self.host, self._source)


def marker() -> str:
    """Return a word by which a test finds its own requests at the app."""
    return secrets.token_hex(8)


def visit(browser: Browser, path: str) -> Page:
    """Ask for a page of the site as a browser does, through the login if need be."""
    page = browser.ask("GET", SITE, path, headers=NAVIGATE)
    host = SITE
    for _ in range(6):
        if page.status not in {302, 303}:
            return page
        place = urlsplit(page.header("location"))
        host = place.netloc or host
        target = place.path + (f"?{place.query}" if place.query else "")
        page = browser.ask("GET", host, target, headers=NAVIGATE)
    message = "redirected without end"
    raise AssertionError(message)


def shown(page: Page) -> Seen:
    """Return the request that the app says it got."""
    assert page.status == 200, page.text
    data = json.loads(page.text)
    pairs = tuple((name, value) for name, value in data["headers"])
    return Seen("", data["target"], pairs)
