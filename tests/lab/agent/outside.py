"""The way to a host's sites from outside, which knows no name service."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPSConnection
from typing import TYPE_CHECKING

from typing_extensions import override

from tests.agent.web.browser import Page

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Connection(HTTPSConnection):
    def __init__(self, address: str, name: str, context: ssl.SSLContext) -> None:
        super().__init__(name, timeout=20, context=context)
        self._where, self._trust = address, context

    @override
    def connect(self) -> None:
        plain = socket.create_connection((self._where, 443), timeout=20)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


@dataclass
class Outside:
    """The way to a host's sites from outside: TLS, with the certificate's check."""

    address: str
    context: ssl.SSLContext

    def connect(self, name: str) -> HTTPSConnection:
        """Return a connection to the site *name*, made when it is used."""
        return _Connection(self.address, name, self.context)

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> Page:
        """Return the answer."""
        connection = self.connect(headers["Host"])
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            pairs = [(name.lower(), value) for name, value in answer.getheaders()]
            return Page(answer.status, pairs, answer.read().decode())
        finally:
            connection.close()
