"""A small site over TLS on loopback, whose certificate an authority of ours signs."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from typing_extensions import override

from keepgate.demo.visitor import Visitor

APP, LOGIN = "app.demo.test", "login.demo.test"
_YEAR = dt.timedelta(days=365)


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Reply:
    """What goes out."""

    status: int = 200
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()


Answering = Callable[[Request], Reply]


@dataclass
class Site:
    """A server, whose answers *answering* gives; *seen* are the requests so far."""

    authority: str
    port: int
    answering: Answering = lambda _: Reply(404)
    seen: list[Request] = field(default_factory=list)

    def visitor(self) -> Visitor:
        """Somebody who trusts its authority."""
        return Visitor("127.0.0.1", self.authority, port=self.port)


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        """Answer as the test says."""
        length = int(self.headers.get("Content-Length", "0"))
        asked = Request(
            self.command,
            self.headers["Host"].partition(":")[0],
            self.path,
            {name.lower(): text for name, text in self.headers.items()},
            self.rfile.read(length).decode(),
        )
        self.site.seen.append(asked)
        reply = self.site.answering(asked)
        self.send_response(reply.status)
        for name, text in reply.headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(reply.text.encode())))
        self.end_headers()
        self.wfile.write(reply.text.encode())

    def do_POST(self) -> None:
        """Answer as the test says."""
        self.do_GET()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about who breaks off: those who do not trust us do."""


def certificates(folder: Path) -> tuple[Path, str]:
    """Make an authority and a certificate of its; return chain with key, and root."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Demo authority")])
    now = dt.datetime.now(dt.UTC)

    def begun(
        name: x509.Name, public: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .issuer_name(root_name)
            .subject_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _YEAR)
            .not_valid_after(now + _YEAR)
        )

    root = (
        begun(root_name, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName(APP), x509.DNSName(LOGIN)])
    leaf = (
        begun(x509.Name([]), key.public_key())
        .add_extension(names, critical=True)
        .sign(root_key, hashes.SHA256())
    )
    path = folder / "site"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + leaf.public_bytes(Encoding.PEM))
    return path, root.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A running site."""
    chain, root = certificates(tmp_path)
    server = _Server(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Site(root, server.server_port)
    server.RequestHandlerClass = type("Handler", (_Handler,), {"site": made})
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()
