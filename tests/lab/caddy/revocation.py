"""A certificate is revoked at its authority (RFC 8555, 7.6), which tells it (OCSP)."""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.x509 import ocsp
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.caddy.authority import Authority

_KEY_COMPROMISE: Final = 1
"""RFC 5280, section 5.3.1."""
_COORDINATE: Final = 32
"""Bytes of a number of P-256."""
_TRIES: Final = 10
"""A server may refuse any nonce (RFC 8555, 6.5): pebble does so with one in twenty."""


class Responder(ThreadingHTTPServer):
    """Tells of every certificate of *authority* what the authority knows of it.

    Its word is stale as soon as it is given: whoever asks asks again.
    """

    daemon_threads = True
    authority: Authority

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Handler)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.server_address[0]!s}:{self.server_port}/"

    def answer(self, request: bytes) -> bytes:
        """Return the answer to an OCSP request (RFC 6960)."""
        asked = ocsp.load_der_ocsp_request(request)
        told = json.loads(
            self.authority.told(f"cert-status-by-serial/{asked.serial_number:x}")
        )
        revoked = told["Status"] == "Revoked"
        issuer = x509.load_pem_x509_certificate(self.authority.told("intermediates/0"))
        key = serialization.load_pem_private_key(
            self.authority.told("intermediate-keys/0"), None
        )
        assert isinstance(key, rsa.RSAPrivateKey)
        now = datetime.now(UTC)
        made = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=(
                ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
            ),
            this_update=now - timedelta(hours=2),
            next_update=now + timedelta(hours=1),
            revocation_time=now if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        signed = made.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
        return signed.sign(key, hashes.SHA256()).public_bytes(
            serialization.Encoding.DER
        )


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self._give(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self) -> None:
        self._give(base64.b64decode(unquote(self.path[1:])))

    def _give(self, request: bytes) -> None:
        assert isinstance(self.server, Responder)
        answer = self.server.answer(request)
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def responder(address: str) -> Iterator[Responder]:
    """Run one at *address*; its `authority` is to be set before it is asked."""
    made = Responder(address)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


def revoke(authority: Authority, certificate: x509.Certificate, key: bytes) -> None:
    """Have *certificate* revoked, by the word of whoever holds its *key* (PEM)."""
    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    directory = _ask(authority, authority.directory)[1]
    place = private.public_key().public_numbers()
    head = {
        "alg": "ES256",
        "jwk": {
            "kty": "EC",
            "crv": "P-256",
            "x": _text(place.x.to_bytes(_COORDINATE, "big")),
            "y": _text(place.y.to_bytes(_COORDINATE, "big")),
        },
        "url": directory["revokeCert"],
    }
    der = certificate.public_bytes(serialization.Encoding.DER)
    said = {"certificate": _text(der), "reason": _KEY_COMPROMISE}
    for tries_left in reversed(range(_TRIES)):
        nonce = _ask(authority, directory["newNonce"])[0]["Replay-Nonce"]
        body = _signed(private, {**head, "nonce": nonce}, said)
        try:
            _ask(authority, directory["revokeCert"], body)
        except urllib.error.HTTPError as refused:
            told = refused.read().decode()
            if "badNonce" not in told or not tries_left:
                pytest.fail(f"the authority does not revoke: {told}")
        else:
            return


def _signed(
    private: ec.EllipticCurvePrivateKey, head: dict[str, Any], said: dict[str, Any]
) -> bytes:
    """Return *said* as a JWS by ES256, flattened (RFC 7515, 7518 section 3.4)."""
    protected, payload = (_text(json.dumps(one).encode()) for one in (head, said))
    signature = private.sign(
        f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256())
    )
    pair = utils.decode_dss_signature(signature)
    raw = b"".join(one.to_bytes(_COORDINATE, "big") for one in pair)
    body = {"protected": protected, "payload": payload, "signature": _text(raw)}
    return json.dumps(body).encode()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _ask(authority: Authority, url: str, body: bytes | None = None) -> tuple[Any, Any]:
    """Return the headers and the JSON of an answer, which must be no error."""
    kind = {"Content-Type": "application/jose+json"}
    request = urllib.request.Request(url, body, kind)  # noqa: S310 - of our own making
    with urllib.request.urlopen(request, context=authority.tls, timeout=20) as answer:  # noqa: S310 - of our own making
        text = answer.read()
    return answer.headers, json.loads(text) if text else None
