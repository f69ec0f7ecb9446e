"""TCP wrappers decide as hosts_access(5) says."""

from __future__ import annotations

import ipaddress

import pytest

from deploys.preflight.wrappers import admits

HERE = "192.0.2.7"


def asked(allow: str, deny: str, address: str = HERE) -> bool | None:
    """Return whether the two texts admit *address*."""
    return admits(allow, deny, ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        ("", "", True),
        ("# sshd: ALL\n", "", True),
        ("", "ALL: ALL\n", False),
        ("", "sshd: ALL\n", False),
        ("", "vsftpd: ALL\n", True),
        ("sshd: ALL\n", "ALL: ALL\n", True),
        ("sshd: 192.0.2.\n", "ALL: ALL\n", True),
        ("sshd: 192.0.3.\n", "ALL: ALL\n", False),
        ("sshd: 192.0.2.0/24\n", "ALL: ALL\n", True),
        ("sshd: 192.0.2.0/255.255.255.0\n", "ALL: ALL\n", True),
        ("sshd: 192.0.2.?\n", "ALL: ALL\n", True),
        ("sshd: ALL EXCEPT 192.0.2.7\n", "ALL: ALL\n", False),
        ("sshd: ALL EXCEPT 192.0.2.0/24 EXCEPT 192.0.2.7\n", "ALL: ALL\n", True),
        ("ALL EXCEPT sshd: ALL\n", "ALL: ALL\n", False),
        ("sshd: 192.0.2.7 : deny\n", "", False),
        ("", "sshd: 192.0.2.7 : allow\n", True),
        ("", "sshd: 192.0.2.7 : spawn (logger x)\n", False),
        ("sshd: \\\n 192.0.2.7\n", "ALL: ALL\n", True),
        ("", "sshd@10.0.0.1: ALL\n", False),
        ("", "SSHD: all\n", False),
        ("sshd: .example.com\n", "ALL: ALL\n", None),
        ("", "ALL: PARANOID\n", None),
        ("sshd: /etc/friends\n", "ALL: ALL\n", None),
    ],
    ids=range(23),
)
def test_the_first_rule_that_matches_decides(
    allow: str, deny: str, *, expected: bool | None
) -> None:
    """hosts.allow before hosts.deny; None where only the host could tell."""
    assert expected is asked(allow, deny)


@pytest.mark.parametrize(
    ("address", "expected"), [("2001:db8::1", True), ("2001:db9::1", False)]
)
def test_bracketed_ipv6_networks_are_understood(
    address: str, *, expected: bool
) -> None:
    """Colons in brackets are no separators."""
    assert expected is asked("sshd: [2001:db8::]/32\n", "ALL: ALL\n", address)


def test_a_mapped_address_is_an_ipv4_address() -> None:
    """A dual-stack socket tells IPv4 peers as ::ffff:a.b.c.d."""
    assert asked("sshd: 192.0.2.\n", "ALL: ALL\n", "::ffff:192.0.2.7") is True
