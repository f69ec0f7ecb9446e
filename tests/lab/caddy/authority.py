"""An authority for a host: Debian's pebble (RFC 8555), and names for it."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import ssl
import subprocess
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.agent.tools import needed
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.caddy.hosts import Served

_VOUCHES: Final = "/etc/ssl/kg-acme.pem"
_ROOTS: Final = "/etc/ssl/kg-acme-roots.pem"
_STORED: Final = "/var/lib/caddy/.local/share/caddy/certificates"
_CUT: Final = "kg_cut"
_PEM: Final = serialization.Encoding.PEM
_LIFE: Final = timedelta(days=90)
_LEFT: Final = timedelta(days=10)
"""Less than a third of a life: Caddy renews then."""


@dataclass(frozen=True)
class Authority:
    """A running authority that one host reaches, and that looks up names there."""

    served: Served
    directory: str
    management: str
    tls: ssl.SSLContext

    @property
    def settings(self) -> dict[str, Any]:
        """What `caddy` has to say, for this authority to be asked."""
        acme = {"directory": self.directory, "root": _VOUCHES, "trust": _ROOTS}
        return {"email": "ops@example.org", "acme": acme}

    def told(self, path: str) -> bytes:
        """Return what the management address answers for *path*."""
        url = f"{self.management}/{path}"
        with urllib.request.urlopen(url, context=self.tls, timeout=20) as answer:  # noqa: S310 - a constant scheme
            found: bytes = answer.read()
        return found

    @property
    def trusting(self) -> ssl.SSLContext:
        """A context that trusts what is issued here, and nothing else."""
        return ssl.create_default_context(cadata=self.told("roots/0").decode())

    def certificate(self, name: str) -> x509.Certificate:
        """Return what the host shows for *name*, with the check of its chain."""
        where = (self.served.host.address4, 443)
        plain = socket.create_connection(where, timeout=20)
        with plain, self.trusting.wrap_socket(plain, server_hostname=name) as secure:
            shown = secure.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown)

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Have every connection of the host to it refused, as if it were down."""
        port = self.directory.rsplit(":", 1)[1].partition("/")[0]
        self.served.sh(
            f"nft 'add table inet {_CUT}'\n"
            f"nft 'add chain inet {_CUT} out"
            " { type filter hook output priority 0; }'\n"
            f"nft 'add rule inet {_CUT} out tcp dport {port} reject with tcp reset'"
        )
        try:
            yield
        finally:
            self.served.sh(f"nft 'delete table inet {_CUT}'")

    def age(self, name: str) -> x509.Certificate:
        """Lay a certificate of this authority that is due in place of *name*'s own."""
        (folder,) = self.served.sh(f"ls -d {_STORED}/*/{name}").split()
        own = f"{folder}/{name}"
        young = x509.load_pem_x509_certificate(
            self.served.sh(f"cat {own}.crt").encode()
        )
        issuer = x509.load_pem_x509_certificate(self.told("intermediates/0"))
        signing = serialization.load_pem_private_key(
            self.told("intermediate-keys/0"), None
        )
        assert isinstance(signing, rsa.RSAPrivateKey)
        ends = datetime.now(UTC) + _LEFT
        copied = x509.CertificateBuilder(extensions=list(young.extensions))
        old = (
            copied.subject_name(young.subject)
            .issuer_name(issuer.subject)
            .public_key(young.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ends - _LIFE)
            .not_valid_after(ends)
            .sign(signing, hashes.SHA256())
        )
        chain = b"".join(one.public_bytes(_PEM) for one in (old, issuer)).decode()
        self.served.sh(f"cat >{own}.crt <<'CHAIN'\n{chain}CHAIN\n")
        return old


@contextmanager
def authority(
    served: Served, folder: Path, *, responder: str = ""
) -> Iterator[Authority]:
    """Run one on this machine, at the address that *served* sees.

    Its certificates name *responder*, an address, as the one to ask about them.
    """
    here = own_address(served.host.address4)
    pem = _identity(folder, here)
    acme, management, names, unused = (free_port(here) for _ in range(4))
    url = f"https://{here}:{management}"
    (folder / "pebble.json").write_text(
        json.dumps(
            {
                "pebble": {
                    "listenAddress": f"{here}:{acme}",
                    "managementListenAddress": f"{here}:{management}",
                    "certificate": str(folder / "own.pem"),
                    "privateKey": str(folder / "own.key"),
                    "httpPort": 80,
                    "tlsPort": 443,
                    "ocspResponderURL": responder,
                    "certificateValidityPeriod": int(_LIFE.total_seconds()),
                }
            }
        )
    )
    found = Authority(
        served,
        f"https://{here}:{acme}/dir",
        url,
        ssl.create_default_context(cadata=pem),
    )
    with ExitStack() as ended:
        log = ended.enter_context((folder / "authority.log").open("wb"))
        for command in (
            [
                needed("pebble-challtestsrv"),
                *("-dns01", f"{here}:{names}", "-management", f"{here}:{unused}"),
                *("-http01", "", "-https01", "", "-tlsalpn01", ""),
                *("-defaultIPv4", served.host.address4),
                *("-defaultIPv6", served.host.address6),
            ],
            [
                needed("pebble"),
                *("-config", str(folder / "pebble.json")),
                *("-dnsserver", f"{here}:{names}"),
            ],
        ):
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                # It would wait some seconds before it looks, as the real ones do.
                env={**os.environ, "PEBBLE_VA_NOSLEEP": "1"},
            )
            ended.callback(process.wait)
            ended.callback(process.kill)
        eventually(lambda: _answers(found), "the authority answers")
        roots = found.told("roots/0").decode()
        served.sh(
            f"cat >{_VOUCHES} <<'PEM'\n{pem}PEM\ncat >{_ROOTS} <<'PEM'\n{roots}PEM\n"
            f"chmod 0644 {_VOUCHES} {_ROOTS}"
        )
        yield found


def _answers(found: Authority) -> bool:
    try:
        found.told("roots/0")
    except OSError:
        return False
    return True


def own_address(target: str) -> str:
    """Return the address of this machine that *target* sees."""
    command = ["ip", "-o", "route", "get", target]
    words = subprocess.check_output(command, text=True).split()
    return words[words.index("src") + 1]


def free_port(address: str) -> int:
    """Return a TCP port of *address* that nobody listens on."""
    with socket.create_server((address, 0)) as one:
        return int(one.getsockname()[1])


def _identity(folder: Path, address: str) -> str:
    """Write key and certificate of the authority's own TLS; return the latter."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own authority")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(address))]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    secret = folder / "own.key"
    secret.touch(mode=0o600)
    secret.write_bytes(key.private_bytes(_PEM, pkcs8, plain))
    pem = made.public_bytes(_PEM)
    (folder / "own.pem").write_bytes(pem)
    return pem.decode()
