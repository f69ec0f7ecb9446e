"""Choosing algorithms that both ends know, in the policy's order."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from ssh_audit.builtin_policies import (  # type: ignore[import-untyped]
    BUILTIN_POLICIES,
)

from deploys.ssh.algorithms import Suite, choose, client, policy
from deploys.ssh.settings import Profile, SshSettings

ALL = Suite(
    (
        "mlkem768x25519-sha256",
        "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
    ),
    (
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
    ),
    (
        "umac-128-etm@openssh.com",
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
    ),
)


def _without(suite: Suite, *names: str) -> Suite:
    kinds = (suite.kex, suite.ciphers, suite.macs)
    return Suite(*(tuple(n for n in kind if n not in names) for kind in kinds))


def test_pq_only_is_what_ssh_audit_demands_of_debian_13() -> None:
    """Names and order are those of the built-in policy, which compares both."""
    demanded = BUILTIN_POLICIES["Hardened Debian 13 (version 1)"]
    markers = ("ext-info-s", "kex-strict-s-v00@openssh.com")

    suite = policy("debian 13", Profile.PQ_ONLY)

    assert demanded["kex"] == [*suite.kex, *markers]
    assert demanded["ciphers"] == list(suite.ciphers)
    assert demanded["macs"] == list(suite.macs)


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("debian 12", "Hardened Debian 12 (version 3)"),
        ("ubuntu 24.04", "Hardened Ubuntu Server 24.04 LTS (version 2)"),
    ],
)
def test_older_releases_follow_their_policy_without_group_exchange(
    release: str, name: str
) -> None:
    """The one difference is the exchange that would need other moduli."""
    demanded = BUILTIN_POLICIES[name]
    left_out = {
        "diffie-hellman-group-exchange-sha256",
        "ext-info-s",
        "kex-strict-s-v00@openssh.com",
    }

    suite = policy(release, Profile.DEFAULT)

    assert [n for n in demanded["kex"] or [] if n not in left_out] == list(suite.kex)
    assert demanded["ciphers"] == list(suite.ciphers)
    assert demanded["macs"] == list(suite.macs)


def test_client_is_asked_for_what_it_really_has() -> None:
    """The controller's client has a post-quantum exchange, and no SHA-1 needed."""
    assert "mlkem768x25519-sha256" in client().kex
    assert "aes256-gcm@openssh.com" in client().ciphers


def test_names_the_host_does_not_know_are_left_out() -> None:
    """One unknown name would stop sshd."""
    host = _without(ALL, "mlkem768x25519-sha256", "sntrup761x25519-sha512")

    suite, refusals = choose(SshSettings(), "debian 13", host, client())

    assert () == refusals
    assert "sntrup761x25519-sha512@openssh.com" == suite.kex[0]


def test_names_only_our_client_lacks_stay() -> None:
    """Other people's clients may use what ours cannot."""
    suite, _ = choose(SshSettings(), "debian 13", ALL, client())

    assert "chacha20-poly1305@openssh.com" == suite.ciphers[0]


def test_pq_only_is_refused_where_the_host_is_too_old() -> None:
    """What would be left is no exchange that our client knows."""
    host = _without(ALL, "mlkem768x25519-sha256")
    settings = SshSettings(profile=Profile.PQ_ONLY)

    _, (refusal,) = choose(settings, "debian 12", host, client())

    assert "ssh-no-usable-algorithm" == refusal.code
    assert "older than 9.9" in refusal.message


def test_pq_only_is_refused_where_the_client_is_too_old() -> None:
    """A client without ML-KEM would lock itself out."""
    ours = _without(client(), "mlkem768x25519-sha256")
    settings = SshSettings(profile=Profile.PQ_ONLY)

    _, (refusal,) = choose(settings, "debian 13", ALL, ours)

    assert "client has none" in refusal.message


def test_own_list_that_our_client_lacks_is_refused() -> None:
    """Settings that leave no usable algorithm say which one to add."""
    settings = SshSettings(ciphers=("chacha20-poly1305@openssh.com",))

    _, (refusal,) = choose(settings, "debian 13", ALL, client())

    assert "ssh-no-usable-algorithm" == refusal.code
    assert "aes256-gcm@openssh.com" in refusal.fix


def test_own_list_with_an_unknown_name_is_refused() -> None:
    """A misspelt name is told from one that is merely missing."""
    settings = SshSettings(macs=("hmac-sha2-512-etm@openssh.com", "hmac-sha3"))

    _, (refusal,) = choose(settings, "debian 13", ALL, client())

    assert "ssh-unknown-algorithm" == refusal.code
    assert "hmac-sha3" in refusal.message


def test_own_list_keeps_its_order() -> None:
    """The operator's preference is not sorted into the policy's."""
    settings = SshSettings(ciphers=("aes128-ctr", "aes256-gcm@openssh.com"))

    suite, refusals = choose(settings, "debian 13", ALL, client())

    assert () == refusals
    assert ("aes128-ctr", "aes256-gcm@openssh.com") == suite.ciphers


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("ciphers", "3des-cbc"),
        ("ciphers", "aes256-cbc"),
        ("kex", "diffie-hellman-group1-sha1"),
        ("kex", "diffie-hellman-group14-sha1"),
        ("macs", "hmac-sha1-etm@openssh.com"),
        ("macs", "umac-64@openssh.com"),
    ],
)
def test_broken_algorithms_are_refused(field: str, name: str) -> None:
    """Our client would prove access by them where OpenSSH's no longer gets in."""
    with pytest.raises(ValidationError, match="is broken"):
        SshSettings.model_validate({field: (name,)})


def test_no_algorithm_of_a_policy_counts_as_broken() -> None:
    """Whoever names a whole policy himself is heard."""
    for release in ("debian 12", "debian 13", "ubuntu 24.04", "ubuntu 26.04"):
        suite = policy(release, Profile.DEFAULT)

        SshSettings(kex=suite.kex, ciphers=suite.ciphers, macs=suite.macs)
