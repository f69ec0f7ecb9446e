"""Key exchange, ciphers and keys that the SSH server offers.

What counts as good is written down here, not taken from the code that
configures it: the current hardening policies of ssh-audit for Debian.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostchecks.results import not_observed

if TYPE_CHECKING:
    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.sshd import Sshd
    from hostchecks.wanted import Wanted

POST_QUANTUM = {
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
}
CLASSICAL = {
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
}
CIPHERS = {
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-gcm@openssh.com",
    "aes128-ctr",
}
MACS = {
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256-etm@openssh.com",
    "umac-128-etm@openssh.com",
}
HOST_KEYS = {"ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"}


def _judge(found: tuple[str, ...], good: set[str], own: list[str]) -> None:
    """Assert that nothing weak is offered; a list of the settings is taken as is."""
    if own:
        assert own == list(found)
    else:
        assert set() == set(found) - good


@pytest.mark.control(
    id="SSH-40",
    title="Only strong key exchanges",
    severity="high",
    refs=("CIS Debian 12 5.1.12", "dev-sec sshd-02", "ssh-audit kex"),
)
def test_key_exchanges(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """No NIST curve, no SHA-1, no group exchange on moduli of unknown origin."""
    found = seen("kexalgorithms", sshd.names("kexalgorithms"))

    _judge(found, POST_QUANTUM | CLASSICAL, wanted.get("ssh.kex", []))


@pytest.mark.control(
    id="SSH-41",
    title="Post-quantum key exchange comes first",
    severity="high",
    refs=("ssh-audit kex",),
)
def test_post_quantum_first(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """What is recorded today cannot be decrypted by tomorrow's computers."""
    found = sshd.names("kexalgorithms")
    seen("first of kexalgorithms", found[0])

    assert found[0] in POST_QUANTUM
    if wanted.pq_only:
        assert set() == set(found) - POST_QUANTUM


@pytest.mark.control(
    id="SSH-42",
    title="Only strong ciphers",
    severity="high",
    refs=("CIS Debian 12 5.1.6", "dev-sec sshd-01", "ssh-audit enc"),
)
def test_ciphers(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """Authenticated or counter-mode encryption, nothing in CBC mode."""
    _judge(
        seen("ciphers", sshd.names("ciphers")), CIPHERS, wanted.get("ssh.ciphers", [])
    )


@pytest.mark.control(
    id="SSH-43",
    title="Only strong message authentication",
    severity="medium",
    refs=("CIS Debian 12 5.1.15", "dev-sec sshd-03", "ssh-audit mac"),
)
def test_macs(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """Encrypt-then-MAC with SHA-2 or UMAC-128, no SHA-1 and no 64-bit tags."""
    _judge(seen("macs", sshd.names("macs")), MACS, wanted.get("ssh.macs", []))


@pytest.mark.control(
    id="SSH-44",
    title="The host proves itself by Ed25519",
    severity="medium",
    refs=("dev-sec sshd-14", "ssh-audit key"),
)
def test_host_keys(sshd: Sshd, answers: dict[str, Section], seen: Seen) -> None:
    """No ECDSA host key, whose curve ssh-audit faults, and no RSA to fall back to."""
    kinds = {line.rsplit("(", 1)[-1].rstrip(")") for line in answers["sshd-keys"].lines}
    seen("host keys", kinds)
    names = seen("hostkeyalgorithms", sshd.names("hostkeyalgorithms"))

    assert {"ED25519"} == kinds
    assert set() == set(names) - HOST_KEYS


@pytest.mark.control(
    id="SSH-45",
    title="Users' keys are of strong kinds",
    severity="medium",
    refs=("dev-sec sshd-49",),
)
def test_accepted_key_kinds(sshd: Sshd, seen: Seen) -> None:
    """No DSA and no SHA-1 signature is accepted from a client."""
    if not sshd.knows("pubkeyacceptedalgorithms"):
        not_observed("this OpenSSH has no PubkeyAcceptedAlgorithms")
    names = sshd.names("pubkeyacceptedalgorithms")
    weak = [name for name in names if name.startswith(("ssh-dss", "ssh-rsa"))]
    seen("accepted kinds", len(names))

    assert [] == seen("weak kinds", weak)
