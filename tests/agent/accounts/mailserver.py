"""A real mail server in a process of its own, which keeps what it is sent."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import ipaddress
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER = "auth"
PASSWORD = "mail server's secret"  # noqa: S105 - of the test's server

_SERVER = """
import ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult, LoginPassword

folder, address, port, first, user, password = sys.argv[1:]
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")

def check(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (
        data.login == user.encode() and data.password == password.encode())
    return AuthResult(success=right, handled=right)

more = dict(ssl_context=tls) if first == "yes" else dict(
    tls_context=tls, require_starttls=True)
controller = Controller(
    Mailbox(folder + "/mails"), hostname=address, port=int(port),
    authenticator=check, auth_required=True, auth_require_tls=first == "no", **more)
controller.start()
while True:
    time.sleep(60)
"""


@dataclass
class MailServer:
    """A running server, on loopback unless another address is given."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def authority(self) -> Path:
        """The certificate that its clients must trust."""
        return self.folder / "cert.pem"

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        tls_first: bool = False,
        address: str = "127.0.0.1",
        name: str = "localhost",
    ) -> MailServer:
        """Start one at *address*, certified as *name*; wait until it answers."""
        _certify(folder, name, address)
        with socket.socket() as one:
            one.bind((address, 0))
            port = one.getsockname()[1]
        first = "yes" if tls_first else "no"
        arguments = [str(folder), address, str(port), first]
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVER, *arguments, USER, PASSWORD],
                stdout=log,
                stderr=log,
            )
        server = cls(folder, port, process)
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            assert process.poll() is None, (folder / "server.log").read_text()
            try:
                socket.create_connection((address, port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return server
        raise AssertionError((folder / "server.log").read_text())

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(20)

    def mails(self) -> list[email.message.EmailMessage]:
        """Return what it was sent, oldest first."""
        folder = self.folder / "mails" / "new"
        if not folder.exists():
            return []
        found = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in found
        ]

    def wait_for(self, subject: str) -> email.message.EmailMessage:
        """Return the mail whose subject has that in it; wait for it."""
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            for mail in self.mails():
                if subject in mail["Subject"]:
                    return mail
            time.sleep(0.1)
        seen = [mail["Subject"] for mail in self.mails()]
        message = f"no mail about {subject!r}, only {seen}"
        raise AssertionError(message)


def _certify(folder: Path, name: str, address: str) -> None:
    """Write a key, and a certificate for *name* that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names = [
        x509.DNSName(name),
        x509.IPAddress(ipaddress.ip_address(address)),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").touch(mode=0o600)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
