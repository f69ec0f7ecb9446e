"""The wire format of SSH public keys: is a blob whole, and how strong is it?"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

_CERT: Final = "-cert-v01@openssh.com"
_ED25519_BYTES: Final = 32
_MAX_RSA_BITS: Final = 16384  # OpenSSH's SSHBUF_MAX_BIGNUM
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "nistp256": ec.SECP256R1(),
    "nistp384": ec.SECP384R1(),
    "nistp521": ec.SECP521R1(),
}
# What follows a certificate's key: serial and validity are 8 bytes, kind is 4.
_SERIAL, _KIND = 8, 4


class WireError(ValueError):
    """A blob that is cut off, too long, or holds impossible values."""


class _Reader:
    """Reads RFC 4251 section 5 data types from the front of a blob."""

    def __init__(self, blob: bytes) -> None:
        self._rest = blob

    def take(self, count: int) -> bytes:
        if len(self._rest) < count:
            message = "its data is cut off"
            raise WireError(message)
        head, self._rest = self._rest[:count], self._rest[count:]
        return head

    def string(self) -> bytes:
        return self.take(int.from_bytes(self.take(4), "big"))

    def mpint(self) -> int:
        value = int.from_bytes(self.string(), "big", signed=True)
        if value <= 0:
            message = "it holds a number that is not positive"
            raise WireError(message)
        return value

    def end(self) -> None:
        if self._rest:
            message = "there is something after its end"
            raise WireError(message)


def measure(kind: str, blob: bytes) -> int:
    """Return the size in bits of the key of type *kind* that *blob* holds.

    Raises:
        WireError: the blob is not exactly one well-formed key of that type.
    """
    reader = _Reader(blob)
    if reader.string() != kind.encode():
        message = "its type and its data disagree"
        raise WireError(message)
    if not kind.endswith(_CERT):
        bits = _key(kind, reader)
        reader.end()
        return bits
    reader.string()  # nonce
    bits = _key(kind.removesuffix(_CERT), reader)
    reader.take(_SERIAL + _KIND)
    reader.string()  # key id
    reader.string()  # principals
    reader.take(2 * _SERIAL)  # valid after, valid before
    for _ in ("critical options", "extensions", "reserved", "signed by", "signature"):
        reader.string()
    reader.end()
    return bits


def _key(kind: str, reader: _Reader) -> int:
    name = kind.removesuffix("@openssh.com")
    if name in ("ssh-ed25519", "sk-ssh-ed25519"):
        bits = _ed25519(reader)
    elif name == "ssh-rsa":
        bits = _rsa(reader)
    elif name == "ssh-dss":
        bits = reader.mpint().bit_length()
        for _ in "qgy":
            reader.mpint()
    else:
        bits = _ecdsa(name.removeprefix("sk-"), reader)
    if name.startswith("sk-") and not reader.string():
        message = "it names no application"
        raise WireError(message)
    return bits


def _ed25519(reader: _Reader) -> int:
    if len(reader.string()) != _ED25519_BYTES:
        message = f"its point has not {_ED25519_BYTES} bytes"
        raise WireError(message)
    return 256


def _rsa(reader: _Reader) -> int:
    exponent, modulus = reader.mpint(), reader.mpint()
    bits = modulus.bit_length()
    if exponent == 1 or exponent % 2 == 0 or modulus % 2 == 0:
        message = "its numbers are not those of an RSA key"
        raise WireError(message)
    if bits > _MAX_RSA_BITS:
        message = f"it has {bits} bits, more than OpenSSH reads"
        raise WireError(message)
    return bits


def _ecdsa(kind: str, reader: _Reader) -> int:
    name = kind.removeprefix("ecdsa-sha2-")
    if reader.string() != name.encode():
        message = "its curve is not that of its type"
        raise WireError(message)
    curve = _CURVES[name]
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(curve, reader.string())
    except ValueError:
        message = f"its point is not on the curve {name}"
        raise WireError(message) from None
    return curve.key_size
