"""OpenSSH public keys, read from their wire format rather than believed.

The operator's keys come from the inventory and must be good; the keys that stand
in `authorized_keys` files on a host may be anything. Both are read here: `parse`
takes whatever sshd would understand, `login_key` only what may let the operator in.

Formats: sshd(8) "AUTHORIZED_KEYS FILE FORMAT", RFC 4253 section 6.6, RFC 5656,
RFC 8709, OpenSSH's PROTOCOL.u2f and PROTOCOL.certkeys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field
from typing_extensions import override

from deploys.accounts import options as opt
from deploys.accounts.wire import WireError, measure

MIN_RSA_BITS: Final = 3072
"""Shortest RSA modulus admitted (NIST SP 800-57: 128 bits of security)."""

_CERTIFICATE: Final = "-cert-v01@openssh.com"
_TYPES: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
    "ssh-dss",
)
_CERTIFICATES: Final = tuple(
    kind.removesuffix("@openssh.com") + _CERTIFICATE for kind in _TYPES
)
KEY_TYPES: Final = frozenset((*_TYPES, *_CERTIFICATES))
"""Every key type name that may stand in an `authorized_keys` line."""

_TYPE_LIKE: Final = re.compile(r"(?:sk-)?(?:ssh|ecdsa|rsa|webauthn)-[a-z0-9@.-]{1,60}")
# "openssh-key-v1\0" in Base64: the body of an OpenSSH private key without its frame.
_PRIVATE: Final = re.compile(
    r"PRIVATE KEY|PuTTY-User-Key-File|Private-Lines:|b3BlbnNzaC1rZXktdjEA"
)
_FOREIGN: Final = re.compile(r"BEGIN (?:SSH2 |RSA |EC )?PUBLIC KEY")

_NEW_KEY: Final = "make one with `ssh-keygen -t ed25519` and name its .pub file"
_COPY_AGAIN: Final = "copy the whole line of the .pub file again"


class InvalidKey(ValueError):
    """A line that is no usable public key.

    Neither *reason* nor *fix* ever holds a part of the line beyond the name of a
    key type or option: it may be a secret pasted by mistake.
    """

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(f"{reason}; {fix}")
        self.reason = reason
        self.fix = fix


class PrivateKeyGiven(InvalidKey):
    """A private key stands where a public one belongs."""

    def __init__(self) -> None:
        super().__init__(
            "this is a PRIVATE key; it belongs in no inventory and on no server",
            "name the .pub file beside it; if the private key was ever committed, "
            "sent or copied anywhere, throw it away and make a new one",
        )


@dataclass(frozen=True)
class PublicKey:
    """One key of an `authorized_keys` line.

    *type* is the wire format's name, *blob* the wire format, *bits* the size that
    ssh-keygen tells, *fingerprint* `SHA256:...` as ssh-keygen prints it.
    """

    type: str
    blob: bytes
    comment: str
    options: tuple[opt.Option, ...]
    bits: int
    fingerprint: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """Return the key that *line* holds, weak or not.

        Raises:
            InvalidKey: the line is no public key that sshd would understand.
            PrivateKeyGiven: it is a private key.
        """
        text = _plain(line)
        options: tuple[opt.Option, ...] = ()
        kind, _, rest = _split(text)
        if kind not in KEY_TYPES:
            try:
                options, text = opt.parse(text)
            except opt.OptionError as error:
                raise _not_a_key(kind, str(error)) from None
            kind, _, rest = _split(text)
            if kind not in KEY_TYPES:
                raise _not_a_key(kind or _split(line.strip())[0])
        encoded, _, comment = _split(rest)
        if not encoded:
            reason = f"the {kind} key has no key data after its type"
            raise InvalidKey(reason, _COPY_AGAIN)
        blob = _decode(kind, encoded)
        try:
            bits = measure(kind, blob)
        except WireError as error:
            reason = f"the {kind} key is damaged: {error}"
            raise InvalidKey(reason, _COPY_AGAIN) from None
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        return cls(kind, blob, comment, options, bits, f"SHA256:{digest}")

    @override
    def __str__(self) -> str:
        """The line as it stands in an `authorized_keys` file."""
        encoded = base64.b64encode(self.blob).decode()
        options = ",".join(map(str, self.options))
        return " ".join(filter(None, (options, self.type, encoded, self.comment)))

    @property
    def is_certificate(self) -> bool:
        """Whether this is a certificate instead of a plain key."""
        return self.type.endswith(_CERTIFICATE)

    @property
    def is_authority(self) -> bool:
        """Whether the line admits every key that this one has signed."""
        return any(option.name == "cert-authority" for option in self.options)

    @property
    def weakness(self) -> str:
        """Why the key must not be trusted; empty for a sound one."""
        if self.type.startswith("ssh-dss"):
            return "DSA keys have 1024 bits and are no longer accepted by OpenSSH"
        if self.type.startswith("ssh-rsa") and self.bits < MIN_RSA_BITS:
            return f"the RSA key has {self.bits} bits, fewer than {MIN_RSA_BITS}"
        return ""

    @property
    def hindrances(self) -> tuple[str, ...]:
        """What in the line's options can keep an ordinary login from working."""
        return tuple(
            f"{option.name}: {opt.HINDRANCES[option.name]}"
            for option in self.options
            if option.name in opt.HINDRANCES
        )


def login_key(line: str) -> PublicKey:
    """Return the key of *line* if it may let the operator in.

    Raises:
        InvalidKey: it is malformed, weak, a certificate, or restricted by options
            that could lock its owner out.
        PrivateKeyGiven: it is a private key.
    """
    key = PublicKey.parse(line)
    if key.is_certificate:
        reason = f"{key.type} is a certificate, which sshd ignores in authorized_keys"
        raise InvalidKey(reason, "name the plain .pub file that was signed")
    if key.weakness:
        raise InvalidKey(key.weakness, _NEW_KEY)
    if key.hindrances:
        reason = f"the key's option {key.hindrances[0]}"
        raise InvalidKey(reason, "take the option off the line")
    return key


def _canonical(line: str) -> str:
    return str(login_key(line))


@dataclass(frozen=True)
class KeyFiles:
    """Marks settings whose items an inventory may give as paths of key files."""


KeyLine = Annotated[
    str,
    AfterValidator(_canonical),
    KeyFiles(),
    Field(title="public key or path of a key file"),
]
"""A setting that holds one public key's line, fit for a login."""


def key_lines(text: str) -> tuple[tuple[int, str], ...]:
    """Return number (from 1) and text of every line that is to hold a key.

    Blank lines and comments are left out, as sshd does.
    """
    return tuple(
        (number, line.strip(" \t\r"))
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip(" \t\r") and not line.lstrip(" \t\r").startswith("#")
    )


def _plain(line: str) -> str:
    if _PRIVATE.search(line):
        raise PrivateKeyGiven
    if _FOREIGN.search(line):
        reason = "this public key is not in OpenSSH's format"
        raise InvalidKey(
            reason, "convert it: `ssh-keygen -i -f FILE` (-m PKCS8 if PEM)"
        )
    text = line.strip(" \t\r\n")
    if not text:
        reason = "the key is empty"
        raise InvalidKey(reason, _COPY_AGAIN)
    if not text.replace("\t", " ").isprintable():
        # A line break would smuggle a second line into authorized_keys.
        reason = "the key has a line break or control character in it"
        raise InvalidKey(reason, "put one key in one line")
    return text


def _split(text: str) -> tuple[str, str, str]:
    head, gap, rest = text.replace("\t", " ").partition(" ")
    return head, gap, rest.strip(" ")


def _decode(kind: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        reason = f"the {kind} key is damaged: its data is no Base64"
        raise InvalidKey(reason, _COPY_AGAIN) from None


def _not_a_key(word: str, detail: str = "") -> InvalidKey:
    if _TYPE_LIKE.fullmatch(word):
        reason = f"{word} is no key type that OpenSSH admits in authorized_keys"
        return InvalidKey(reason, _NEW_KEY)
    if detail:
        return InvalidKey(detail, "see AUTHORIZED_KEYS FILE FORMAT in sshd(8)")
    reason = "this is no OpenSSH public key"
    return InvalidKey(reason, "it starts with its type, say `ssh-ed25519 AAAA... name`")
