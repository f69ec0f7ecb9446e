"""Ways around the gate: the app's own port, plain HTTP, no name, the other family."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.agent.web.browser import SITE

if TYPE_CHECKING:
    from tests.lab.attack.besieged import Besieged

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]

BOTH = pytest.mark.parametrize("version", [4, 6])
REQUEST = "GET /secret HTTP/1.0\r\nHost: {}\r\nRemote-User: ada\r\n\r\n"
SECONDS = 1


def _address(on: Besieged, version: int) -> str:
    return on.host.address4 if version == 4 else on.host.address6


def _said(wire: socket.socket, host: str) -> bytes:
    """Return what comes for a stranger's request, until the other side hangs up."""
    wire.sendall(REQUEST.format(host).encode())
    said = b""
    with suppress(OSError):
        while part := wire.recv(65536):
            said += part
    return said


@BOTH
def test_the_apps_own_port_answers_on_the_host_alone(
    besieged: Besieged, version: int
) -> None:
    """It is there for the host; neither the operator nor a stranger comes to it."""
    port = besieged.front.echo.server.server_port
    address = _address(besieged, version)
    knock = f"exec 3<>/dev/tcp/{address}/{port}"
    from_far = ("timeout", str(SECONDS), "bash", "-c", knock)

    assert besieged.sh(f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' && echo yes")
    with pytest.raises(OSError, match=r"timed out|refused"):
        socket.create_connection((address, port), SECONDS)
    far = subprocess.run([*besieged.attacker.prefix, *from_far], check=False)
    assert far.returncode


@BOTH
def test_plain_http_leads_to_tls_and_nowhere_else(
    besieged: Besieged, version: int
) -> None:
    """A redirection at most, and only to the site itself."""
    before = len(besieged.front.echo.seen)
    address = (_address(besieged, version), 80)
    for host in (SITE, "evil.example", besieged.host.address4, ""):
        with socket.create_connection(address, 20) as plain:
            said = _said(plain, host)
        status = int(said.split(b" ")[1])

        assert 300 <= status < 500, said
        leads = b"\r\nLocation: https://app.example.com/" in said
        assert leads == (status < 400) == (host == SITE), said
    assert before == len(besieged.front.echo.seen)


@BOTH
@pytest.mark.parametrize("name", [None, "evil.example", "localhost"])
def test_a_connection_for_no_site_of_ours_reaches_no_app(
    besieged: Besieged, version: int, name: str | None
) -> None:
    """Without a name in the handshake, or with a wrong one, whatever is asked then."""
    before = len(besieged.front.echo.seen)
    address = _address(besieged, version)
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    for host in (SITE, f"[{address}]", "127.0.0.1"):
        with socket.create_connection((address, 443), 20) as plain:
            try:
                wire = careless.wrap_socket(plain, server_hostname=name)
            except OSError:
                continue  # it shows no certificate, so nothing can be asked
            with wire:
                said = _said(wire, host)
        assert not said.startswith(b"HTTP/1.0 2"), said
    assert before == len(besieged.front.echo.seen)


def test_the_other_family_has_the_same_gate(besieged: Besieged) -> None:
    """IPv6 is no second door: a stranger is refused there, too."""
    before = len(besieged.front.echo.seen)
    context = besieged.front.proxy.context
    assert context is not None
    with (
        socket.create_connection((besieged.host.address6, 443), 20) as plain,
        context.wrap_socket(plain, server_hostname=SITE) as wire,
    ):
        said = _said(wire, SITE)

    assert said.split(b" ")[1] == b"401"
    assert before == len(besieged.front.echo.seen)
