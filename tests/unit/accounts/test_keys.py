"""Public keys are read for what they are, not for what they call themselves."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from deploys.accounts import options
from deploys.accounts.keys import (
    KEY_TYPES,
    InvalidKey,
    PrivateKeyGiven,
    PublicKey,
    key_lines,
    login_key,
)

CURVES = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}


def string(value: bytes) -> bytes:
    """Return *value* as a string of the wire format."""
    return len(value).to_bytes(4, "big") + value


def mpint(value: int) -> bytes:
    """Return the positive *value* as a number of the wire format."""
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def line(kind: str, *fields: bytes) -> str:
    """Return an `authorized_keys` line of *kind* with *fields* in its blob."""
    blob = string(kind.encode()) + b"".join(fields)
    return f"{kind} {base64.b64encode(blob).decode()} somebody"


def openssh(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> str:
    """Return *key* as OpenSSH writes it."""
    public = serialization.PublicFormat.OpenSSH
    return key.public_bytes(serialization.Encoding.OpenSSH, public).decode()


ED25519 = openssh(ed25519.Ed25519PrivateKey.generate().public_key())
POINT = ec.generate_private_key(CURVES[256]).public_key()
Q256 = POINT.public_bytes(
    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
)
SK_ED25519 = line(
    "sk-ssh-ed25519@openssh.com", ED25519_RAW := string(bytes(32)), string(b"ssh:")
)
SK_ECDSA = line(
    "sk-ecdsa-sha2-nistp256@openssh.com",
    string(b"nistp256"),
    string(Q256),
    string(b"ssh:"),
)
DSA = line("ssh-dss", mpint(2**1023 + 1), mpint(2**159 + 1), mpint(2), mpint(3))


def rsa_line(bits: int) -> str:
    """Return an RSA public key of exactly *bits* bits (its numbers need no owner)."""
    return line("ssh-rsa", mpint(65537), mpint(2 ** (bits - 1) + 1))


@pytest.fixture(scope="module")
def certificate() -> str:
    """Return a user certificate, signed for real."""
    authority = ed25519.Ed25519PrivateKey.generate()
    subject = ed25519.Ed25519PrivateKey.generate().public_key()
    builder = (
        serialization.SSHCertificateBuilder()
        .public_key(subject)
        .serial(1)
        .type(serialization.SSHCertificateType.USER)
        .key_id(b"somebody")
        .valid_principals([b"somebody"])
        .valid_after(0)
        .valid_before(2**32)
    )
    return builder.sign(authority).public_bytes().decode()


@pytest.mark.parametrize(
    ("text", "kind", "bits"),
    [
        (ED25519, "ssh-ed25519", 256),
        (SK_ED25519, "sk-ssh-ed25519@openssh.com", 256),
        (SK_ECDSA, "sk-ecdsa-sha2-nistp256@openssh.com", 256),
        (rsa_line(3072), "ssh-rsa", 3072),
        (rsa_line(4096), "ssh-rsa", 4096),
        *(
            (
                openssh(ec.generate_private_key(curve).public_key()),
                f"ecdsa-sha2-nistp{bits}",
                bits,
            )
            for bits, curve in CURVES.items()
        ),
    ],
    ids=range(8),
)
def test_sound_keys_may_log_in(text: str, kind: str, bits: int) -> None:
    """Every modern type is taken, with the size that ssh-keygen tells."""
    key = login_key(text)

    assert (kind, bits) == (key.type, key.bits)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (rsa_line(2048), "2048 bits, fewer than 3072"),
        (rsa_line(3071), "3071 bits, fewer than 3072"),
        (rsa_line(1024), "1024 bits, fewer than 3072"),
        (DSA, "DSA"),
    ],
    ids=range(4),
)
def test_weak_keys_are_refused(text: str, told: str) -> None:
    """DSA and short RSA keys let nobody in, but a host's own can be described."""
    assert told in PublicKey.parse(text).weakness
    with pytest.raises(InvalidKey, match=told):
        login_key(text)


def test_certificates_are_recognised_and_refused(certificate: str) -> None:
    """A certificate is no line for authorized_keys."""
    assert PublicKey.parse(certificate).is_certificate
    with pytest.raises(InvalidKey, match="is a certificate"):
        login_key(certificate)


def test_authorities_are_refused() -> None:
    """`cert-authority` admits keys that nobody has looked at."""
    text = f"cert-authority {ED25519}"

    assert PublicKey.parse(text).is_authority
    with pytest.raises(InvalidKey, match="cert-authority"):
        login_key(text)


@pytest.mark.parametrize(
    "front",
    [
        'command="echo hi, \\"you\\""',
        'from="10.0.0.0/8"',
        'expiry-time="20300101Z"',
        'environment="A=b"',
        'restrict,pty,command="x"',
    ],
)
def test_options_that_could_lock_out_are_refused(front: str) -> None:
    """An operator's key must work from anywhere, at any time, for any command."""
    assert PublicKey.parse(f"{front} {ED25519}").hindrances
    with pytest.raises(InvalidKey, match="the key's option"):
        login_key(f"{front} {ED25519}")


@pytest.mark.parametrize(
    "front", ["restrict,pty", "no-port-forwarding", "verify-required", "NO-PTY"]
)
def test_harmless_options_stay(front: str) -> None:
    """Options that take rights away without hindering a login are kept."""
    assert str(login_key(f"{front} {ED25519} me")) == f"{front.lower()} {ED25519} me"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("ssh-ed25519", "no key data"),
        ("ssh-ed25519 AAAA", "cut off"),
        ("ssh-ed25519 !!!!", "no Base64"),
        (ED25519[:-6], "damaged"),
        (f"{ED25519}AAAA", "damaged"),
        (ED25519.replace("ssh-ed25519", "ssh-rsa", 1), "type and its data disagree"),
        (line("ssh-ed25519", string(bytes(31))), "32 bytes"),
        (line("ssh-ed25519", ED25519_RAW, b"x"), "after its end"),
        (line("ssh-rsa", mpint(65537), mpint(2**3072)), "not those of an RSA key"),
        (line("ssh-rsa", mpint(1), mpint(2**3072 + 1)), "not those of an RSA key"),
        (line("ssh-rsa", string(b"\xff"), mpint(2**3072 + 1)), "not positive"),
        (line("ssh-rsa", mpint(3), mpint(2**20000 + 1)), "more than OpenSSH reads"),
        (
            line("ecdsa-sha2-nistp256", string(b"nistp384"), string(Q256)),
            "its curve is not",
        ),
        (
            line(
                "ecdsa-sha2-nistp256", string(b"nistp256"), string(b"\x04" + bytes(64))
            ),
            "not on the curve",
        ),
        (
            line("sk-ssh-ed25519@openssh.com", ED25519_RAW, string(b"")),
            "no application",
        ),
        ("ssh-ed448 AAAA", "ssh-ed448 is no key type"),
        ("hello world", "no OpenSSH public key"),
        (f"no-such {ED25519}", "no OpenSSH public key"),
        (f"no-ptty {ED25519}", "nearest is no-pty"),
        (f"command=ls {ED25519}", 'in "quotes"'),
        (f'command="ls {ED25519}', 'in "quotes"'),
        (f"pty=1 {ED25519}", "takes no value"),
        (f"command {ED25519}", "takes a value"),
        (f'command="a"x {ED25519}', "without a comma"),
        (f"{ED25519} a\nssh-ed25519 b", "line break"),
        (f"{ED25519} a\x1b[31m", "control character"),
        ("-----BEGIN PUBLIC KEY-----", "not in OpenSSH's format"),
        ("---- BEGIN SSH2 PUBLIC KEY ----", "not in OpenSSH's format"),
    ],
    ids=range(29),
)
def test_malformed_keys_are_refused_with_the_reason(text: str, told: str) -> None:
    """What is no key is refused, and the message says what is wrong."""
    with pytest.raises(InvalidKey) as caught:
        login_key(text)

    assert told in caught.value.reason
    assert caught.value.fix


@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8", "TraditionalOpenSSL"])
def test_private_keys_are_refused_and_never_echoed(form: str) -> None:
    """A private key is refused loudly, and no part of it is told."""
    text = (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(
            serialization.Encoding.PEM,
            getattr(serialization.PrivateFormat, form),
            serialization.NoEncryption(),
        )
        .decode()
    )

    with pytest.raises(PrivateKeyGiven) as caught:
        login_key(text)

    assert "PRIVATE key" in str(caught.value)
    assert not [part for part in text.splitlines()[1:-1] if part in str(caught.value)]


def test_a_private_key_without_its_frame_is_recognised() -> None:
    """The bare Base64 of a private key, in one line, is a private key too."""
    body = base64.b64encode(b"openssh-key-v1\0" + bytes(60)).decode()

    with pytest.raises(PrivateKeyGiven):
        login_key(f"ssh-ed25519 {body}")


def test_key_lines_skip_comments_and_blanks() -> None:
    """Lines are numbered as an editor numbers them."""
    assert key_lines("# a\n\n  one x\r\n\t# b\ntwo y") == ((3, "one x"), (5, "two y"))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
@pytest.mark.parametrize(
    "text",
    [ED25519, SK_ED25519, SK_ECDSA, rsa_line(3072)],
    ids=["ed25519", "sk-ed25519", "sk-ecdsa", "rsa"],
)
def test_ssh_keygen_agrees(text: str, tmp_path: Path) -> None:
    """Size and fingerprint are those that OpenSSH prints."""
    path = tmp_path / "key.pub"
    path.write_text(text)

    told = subprocess.run(
        ["ssh-keygen", "-lf", str(path)], capture_output=True, check=True, text=True
    ).stdout.split()

    key = PublicKey.parse(text)
    assert told[:2] == [str(key.bits), key.fingerprint]


WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from([*KEY_TYPES, ED25519, SK_ECDSA, DSA, "restrict", 'command="', ","]),
    st.binary(max_size=80).map(lambda data: base64.b64encode(data).decode()),
)


@given(st.lists(WORDS, max_size=6).map(" ".join))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    """The parser never fails in any way but its own, and what it takes is stable."""
    try:
        key = PublicKey.parse(text)
    except InvalidKey:
        return
    assert PublicKey.parse(str(key)) == key


@given(st.binary(max_size=400))
def test_any_bytes_are_a_key_or_refused(data: bytes) -> None:
    """Files of a host may hold anything; reading them never crashes."""
    for _, text in key_lines(data.decode("utf-8", "backslashreplace")):
        try:
            PublicKey.parse(text)
        except InvalidKey:
            continue


@given(st.sampled_from(sorted(KEY_TYPES)), st.binary(max_size=200))
def test_any_blob_is_a_key_or_refused(kind: str, data: bytes) -> None:
    """A blob that begins rightly and goes on wrongly is refused, never a crash."""
    try:
        PublicKey.parse(line(kind, data))
    except InvalidKey:
        return


FLAGS = st.sampled_from(["restrict", "pty", "no-pty", "cert-authority", "user-rc"])
VALUED = st.sampled_from(["command", "from", "permitopen", "environment"])
OPTION = st.one_of(
    FLAGS.map(options.Option),
    st.builds(
        options.Option,
        VALUED,
        st.text(
            st.characters(exclude_categories=["C", "Z"], include_characters=' "\\,'),
            max_size=20,
        ),
    ),
)


@given(st.lists(OPTION, min_size=1, max_size=5))
def test_options_survive_a_round_trip(given_options: list[options.Option]) -> None:
    """What was read can be written, and is read again as the same."""
    text = ",".join(map(str, given_options))
    if any((option.value or "").endswith("\\") for option in given_options):
        return  # sshd cannot express a backslash before the closing quote

    assert options.parse(f"{text} rest") == (tuple(given_options), "rest")
