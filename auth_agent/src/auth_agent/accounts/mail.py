"""Sending links by mail, when it is configured."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from auth_agent.config.model import Mail

_TIMEOUT = 20.0
SUBMISSIONS = 465
"""Port on which TLS comes first (RFC 8314, section 3.3); else STARTTLS."""


class Mailer(Protocol):
    """Something that sends a text to an address; blocks, so called on a thread."""

    def send(self, *, to: str, subject: str, text: str) -> None:
        """Send it, or raise OSError or `smtplib.SMTPException`."""
        ...


class SmtpMailer:
    """Sends by submission over TLS with a checked certificate; never in the clear."""

    def __init__(self, settings: Mail, password: str = "") -> None:
        self._settings = settings
        self._password = password

    def send(self, *, to: str, subject: str, text: str) -> None:
        """See `Mailer.send`."""
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(domain=_domain(self._settings.sender))
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies
        message.set_content(text)
        with self._connected() as server:
            if self._settings.user:
                server.login(self._settings.user, self._password)
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        host, port = self._settings.host, self._settings.port
        trust = ssl.create_default_context()
        first = trust if port == SUBMISSIONS else None
        server: smtplib.SMTP
        if self._settings.socket:
            server = _Through(self._settings.socket, host, port, first)
        elif first is not None:
            server = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=first)
        else:
            server = smtplib.SMTP(host, port, timeout=_TIMEOUT)
        if first is not None:
            return server
        try:
            server.starttls(context=trust)
        except BaseException:
            server.close()
            raise
        return server


class _Through(smtplib.SMTP):
    """Speaks to *host* through the unix socket *path*, which leads there.

    With *first* TLS comes first. The name is that of *host* either way: whoever
    listens at the socket learns nothing that it could read or change.
    """

    def __init__(
        self, path: str, host: str, port: int, first: ssl.SSLContext | None
    ) -> None:
        self._path, self._first = path, first
        super().__init__(host, port, timeout=_TIMEOUT)

    # typing has `override` from Python 3.12 on.
    def connect(  # type: ignore[explicit-override]
        self, host: str = "localhost", port: int = 0, source_address: object = None
    ) -> tuple[int, bytes]:
        del port, source_address  # the socket leads there
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock = plain
        try:
            plain.settimeout(_TIMEOUT)
            plain.connect(self._path)
            if self._first is not None:
                self.sock = self._first.wrap_socket(plain, server_hostname=host)
            self.file = None
            return self.getreply()
        except BaseException:
            self.close()
            raise


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].rstrip(">") or "localhost"
