"""What the sites of a host show to the network, asked from here, all at once."""

from __future__ import annotations

import http.client
import socket
import ssl
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from hostchecks import quic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hostchecks.wanted import Site

SECONDS = 15.0
FORGED = tuple(
    (f"Remote{separator}{name}", "admin")
    for separator in "-_."
    for name in ("User", "Id", "Role", "Permissions")
)
"""Claims of an identity that nobody but the gate may make."""

MODERN = (
    *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    *("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    *("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
)
"""Suites of TLS 1.2 with forward secrecy and authenticated encryption.

Mozilla's intermediate profile without its DHE suites, which need parameters of their
own (https://wiki.mozilla.org/Security/Server_Side_TLS).
"""

STRANGE = "no-such-site.invalid"


@dataclass(frozen=True)
class Probe:
    """How one site answered.

    *trouble* says why there was no answer over TLS, in words; *unreachable* that not
    even a connection came about. *old* and *new* are versions of TLS that were agreed
    on; None where this machine cannot offer the old ones. *weak* is what was agreed on
    with a client that knows no suite of `MODERN`. *quic* are the versions of QUIC
    that are offered on UDP. *statuses* are those of a request without and with forged
    headers; *strange* is status and target of an answer to another name.
    """

    site: Site
    unreachable: bool = False
    trouble: str = ""
    old: tuple[str, ...] | None = ()
    new: tuple[str, ...] = ()
    weak: str = ""
    quic: tuple[int, ...] = ()
    statuses: tuple[int, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    plain: tuple[int, str] = (0, "")
    strange: tuple[int, str] = (0, "")


class _To(http.client.HTTPSConnection):
    """A connection to *address*, whatever the site's name says elsewhere."""

    def __init__(self, address: str, name: str, context: ssl.SSLContext) -> None:
        super().__init__(name, timeout=SECONDS, context=context)
        self._where, self._trust = address, context

    @override
    def connect(self) -> None:
        plain = socket.create_connection((self._where, 443), timeout=SECONDS)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


def ask(address: str, sites: Sequence[Site], roots: Mapping[str, str]) -> list[Probe]:
    """Return how each of *sites* answers at *address*.

    *roots* are the certificates (PEM) that vouch for a site, by its `tls`; without
    any, this machine's authorities do.
    """
    with ThreadPoolExecutor(8, thread_name_prefix="sites") as pool:
        return list(
            pool.map(lambda site: _probe(address, site, roots.get(site.tls)), sites)
        )


def _probe(address: str, site: Site, root: str | None) -> Probe:
    try:
        socket.create_connection((address, 443), timeout=SECONDS).close()
    except OSError:
        return Probe(site, unreachable=True)
    old, plain = _old(address, site.host), _plain(address, site.host)
    try:
        context = _trusting(root)
        status, headers = _get(address, site.host, context)
        return Probe(
            site,
            old=old,
            new=_new(address, site.host),
            weak=_weak(address, site.host),
            quic=quic.versions(address, 443),
            statuses=(status, _get(address, site.host, context, FORGED)[0]),
            headers=headers,
            plain=plain,
            strange=_answer(_get(address, site.host, context, (("Host", STRANGE),))),
        )
    except ssl.SSLCertVerificationError as error:
        trouble = f"its certificate does not hold: {error.verify_message}"
    except (OSError, http.client.HTTPException) as error:
        trouble = f"no answer over TLS: {error}"
    return Probe(site, trouble=trouble, old=old, plain=plain)


def _trusting(root: str | None) -> ssl.SSLContext:
    if root is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if root:  # else it could not be read, and nothing is trusted
        context.load_verify_locations(cadata=root)
    return context


def _get(
    address: str,
    name: str,
    context: ssl.SSLContext,
    headers: Iterable[tuple[str, str]] = (),
) -> tuple[int, dict[str, str]]:
    connection = _To(address, name, context)
    try:
        given = dict(headers)
        connection.putrequest("GET", "/", skip_host="Host" in given)
        for key, value in given.items():
            connection.putheader(key, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


def _answer(got: tuple[int, dict[str, str]]) -> tuple[int, str]:
    status, headers = got
    return status, headers.get("location", "")


def strangers(address: str) -> dict[str, tuple[int, str]]:
    """Return status and target of what is answered to names that are no site.

    By the way that they come; (0, "") where TLS is not spoken with them, or nobody
    answers.
    """
    return {
        "a foreign name over TLS": _foreign(address, STRANGE),
        "the address over TLS": _foreign(address, address),
        "a foreign name without TLS": _plain(address, STRANGE),
        "the address without TLS": _plain(address, address),
    }


def _foreign(address: str, name: str) -> tuple[int, str]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nobody can vouch for a name that is none
    try:
        return _answer(_get(address, name, context))
    except (OSError, http.client.HTTPException):
        return 0, ""


def _plain(address: str, name: str) -> tuple[int, str]:
    """Return status and target of a request without TLS; (0, "") without answer."""
    connection = http.client.HTTPConnection(address, 80, timeout=SECONDS)
    try:
        connection.request("GET", "/", headers={"Host": name})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", "")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def _agreed(address: str, name: str, context: ssl.SSLContext) -> tuple[str, str]:
    """Return the version and the suite that are agreed on."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # versions are asked here, not identities
    plain = socket.create_connection((address, 443), timeout=SECONDS)
    with plain, context.wrap_socket(plain, server_hostname=name) as secure:
        return secure.version() or "", (secure.cipher() or ("",))[0]


def _new(address: str, name: str) -> tuple[str, ...]:
    found = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context()
        context.minimum_version = context.maximum_version = version
        try:
            found.append(_agreed(address, name, context)[0])
        except ssl.SSLError:
            continue
    return tuple(found)


def _weak(address: str, name: str) -> str:
    """Return the suite that is agreed on without a modern one; "" for none."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"ALL:!{':!'.join(MODERN)}:@SECLEVEL=0")
    try:
        return _agreed(address, name, context)[1]
    except OSError:  # an alert, or the connection is closed
        return ""


def _old(address: str, name: str) -> tuple[str, ...] | None:
    context = ssl.create_default_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        except (ssl.SSLError, ValueError):
            return None
    try:
        return (_agreed(address, name, context)[0],)
    except ssl.SSLError as error:
        # Our own library refuses before a word is said.
        return None if "NO_PROTOCOLS_AVAILABLE" in str(error) else ()
    except OSError:
        return ()
