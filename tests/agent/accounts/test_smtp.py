"""Mails reach a real server, encrypted and with its certificate checked, or wait."""

from __future__ import annotations

import smtplib
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from auth_agent.accounts import mail as module
from auth_agent.accounts.mail import SmtpMailer
from auth_agent.config.model import Mail

from tests.agent.accounts.mailserver import PASSWORD, USER, MailServer
from tests.agent.browser.apart import out_of
from tests.agent.web.browser import Agent, make_admin

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[False, True], ids=["starttls", "tls"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailServer]:
    """Return a running server that takes STARTTLS, or TLS from the beginning."""
    started = MailServer.start(tmp_path, tls_first=request.param)
    if request.param:  # its port is the one that means TLS from the beginning
        monkeypatch.setattr(module, "SUBMISSIONS", started.port)
    yield started
    started.stop()


@pytest.fixture
def through(server: MailServer) -> Iterator[str]:
    """Return a unix socket that leads to the server, as systemd's proxy does."""
    with TemporaryDirectory(prefix="mail-") as folder:
        path = Path(folder) / "mail.sock"
        with out_of(path, server.port):
            yield str(path)


def settings(server: MailServer, host: str = "localhost", socket: str = "") -> Mail:
    """Return how the server is reached."""
    return Mail(
        host=host,
        port=server.port,
        socket=socket,
        sender="auth@example.com",
        user=USER,
    )


@pytest.mark.parametrize("way", ["", "through"], ids=["network", "socket"])
def test_a_mail_arrives_whole(
    request: pytest.FixtureRequest,
    server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """With sender, date and id, and what is said in any writing."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    socket: str = request.getfixturevalue(way) if way else ""
    mailer = SmtpMailer(settings(server, socket=socket), PASSWORD)
    mailer.send(to="ada@example.com", subject="Grüße", text="Здравствуй\n")

    [mail] = server.mails()
    assert ("auth@example.com", "ada@example.com") == (mail["From"], mail["To"])
    assert "Grüße" == mail["Subject"]
    assert "Здравствуй" == mail.get_content().strip()
    assert mail["Date"].datetime.tzinfo is not None
    assert mail["Message-ID"].endswith("@example.com>")


def test_an_unknown_certificate_is_refused(server: MailServer) -> None:
    """Nothing is sent, the password least of all."""
    mailer = SmtpMailer(settings(server), PASSWORD)

    with pytest.raises(ssl.SSLCertVerificationError):
        mailer.send(to="ada@example.com", subject="x", text="x")
    assert [] == server.mails()


def test_a_socket_vouches_for_nobody(
    server: MailServer, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server at its other end must have the certificate of the name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    mailer = SmtpMailer(settings(server, "mail.example.com", through), PASSWORD)

    with pytest.raises(ssl.SSLCertVerificationError, match=r"mail\.example\.com"):
        mailer.send(to="ada@example.com", subject="x", text="x")
    assert [] == server.mails()


def test_a_shut_socket_is_an_error_to_try_again(
    server: MailServer, tmp_path: Path
) -> None:
    """As is a server that does not answer."""
    mailer = SmtpMailer(settings(server, socket=str(tmp_path / "none")), PASSWORD)

    with pytest.raises(OSError, match="No such file"):
        mailer.send(to="ada@example.com", subject="x", text="x")


def test_a_wrong_password_is_refused(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an error that is tried again later."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))

    with pytest.raises(smtplib.SMTPAuthenticationError):
        SmtpMailer(settings(server), "wrong").send(
            to="ada@example.com", subject="x", text="x"
        )
    assert [] == server.mails()


def test_a_real_agent_sends_notices_and_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mail password comes from a file, and stands neither in log nor mail."""
    server = MailServer.start(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    password = tmp_path / "mail-password"
    password.touch(mode=0o600)
    password.write_text(PASSWORD)
    agent = Agent.start(
        "[mail]\n"
        f'host = "localhost"\nport = {server.port}\nsender = "auth@example.com"\n'
        f'user = "{USER}"\npassword_file = "{password}"\n'
    )
    try:
        make_admin(agent)
        added = server.wait_for("authenticator app was turned on")
        assert "ada@example.com" == added["To"]
        assert "192.0.2.1" in added.get_content()
        asked = agent.browser().submit("/forgot", "/forgot", name="ada")
        assert "on its way" in asked.text
        reset = server.wait_for("a link for a new password")
        assert "https://auth.example.com/link/reset/" in reset.get_content()
        assert PASSWORD not in agent.log
    finally:
        server.stop()
        agent.remove()
