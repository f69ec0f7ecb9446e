"""One request over HTTP/2 or HTTP/3, with the header fields just as they are given.

Libraries tidy up what they send; a forger does not.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated as Http2Terminated
from h2.events import ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 10.0
"""Within which an answer comes; who gets none is told 0."""


def _bytes(fields: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), text.encode("latin-1")) for name, text in fields]


def _status(headers: Sequence[tuple[bytes, bytes]]) -> int:
    return int(dict(headers).get(b":status", b"0"))


def http2(
    address: str,
    name: str,
    context: ssl.SSLContext,
    fields: Sequence[tuple[str, str]],
    body: bytes = b"",
) -> int:
    """Send *fields* to the server *name*; return the status, 0 without one."""
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection((address, 443), SECONDS)
    with plain, context.wrap_socket(plain, server_hostname=name) as wire:
        assert wire.selected_alpn_protocol() == "h2"
        connection = H2Connection(
            H2Configuration(
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
            )
        )
        connection.initiate_connection()
        connection.send_headers(1, _bytes(fields), end_stream=not body)
        if body:
            connection.send_data(1, body, end_stream=True)
        wire.sendall(connection.data_to_send())
        found = 0
        # Refused in the middle of a frame: whatever came before counts.
        with suppress(OSError, ProtocolError):
            while data := wire.recv(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, ResponseReceived):
                        found = _status(event.headers)
                    if isinstance(event, StreamEnded | StreamReset | Http2Terminated):
                        return found
                wire.sendall(connection.data_to_send())
        return found


class _Http3(QuicConnectionProtocol):
    """A client that asks once."""

    def ask(self, fields: Sequence[tuple[str, str]], body: bytes) -> None:
        """Send the request."""
        self.status = 0
        self.over = asyncio.Event()
        self._http = H3Connection(self._quic)
        stream = self._quic.get_next_available_stream_id()
        self._http.send_headers(stream, _bytes(fields), end_stream=not body)
        if body:
            self._http.send_data(stream, body, end_stream=True)
        self.transmit()

    @override
    def quic_event_received(self, event: QuicEvent) -> None:
        if not hasattr(self, "_http"):
            return
        for one in self._http.handle_event(event):
            self._note(one)
        if isinstance(event, ConnectionTerminated) or type(event).__name__ in {
            "StreamReset",
            "StopSendingReceived",
        }:
            self.over.set()

    def _note(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            self.status = _status(event.headers)
        if isinstance(event, HeadersReceived | DataReceived) and event.stream_ended:
            self.over.set()


def http3(
    address: str,
    name: str,
    authority: str,
    fields: Sequence[tuple[str, str]],
    body: bytes = b"",
) -> int:
    """Send *fields* to the server *name*; return the status, 0 without one.

    The certificate must hold by *authority*, in PEM.
    """

    async def run() -> int:
        told = QuicConfiguration(alpn_protocols=["h3"], server_name=name)
        told.load_verify_locations(cadata=authority.encode())
        async with connect(
            address, 443, configuration=told, create_protocol=_Http3
        ) as client:
            assert isinstance(client, _Http3)
            client.ask(fields, body)
            with suppress(TimeoutError):
                await asyncio.wait_for(client.over.wait(), SECONDS)
            return client.status

    return asyncio.run(run())
