"""Which algorithms sshd shall offer: current policy, as far as both ends know it.

The lists and their order are those of ssh-audit's hardening policies for the
release, because its built-in policies compare the order too. They differ in one
point: no group exchange is offered, so that the host's moduli do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import paramiko

from deploys.common.changes import Refusal
from deploys.ssh.settings import Profile

if TYPE_CHECKING:
    from deploys.ssh.settings import SshSettings

_SNTRUP: Final = ("sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com")
POST_QUANTUM: Final = ("mlkem768x25519-sha256", *_SNTRUP)
_CURVE: Final = ("curve25519-sha256", "curve25519-sha256@libssh.org")
_CIPHERS: Final = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-gcm@openssh.com",
    "aes128-ctr",
)
_MACS: Final = (
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256-etm@openssh.com",
    "umac-128-etm@openssh.com",
)
HOST_KEYS: Final = ("ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519")
"""Host keys offered; the certificate only counts where the host has one."""


@dataclass(frozen=True)
class Suite:
    """Algorithm names in order of preference."""

    kex: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]


_BY_RELEASE: Final = {
    "debian 12": Suite(
        (
            *_SNTRUP,
            *_CURVE,
            "diffie-hellman-group16-sha512",
            "diffie-hellman-group18-sha512",
        ),
        _CIPHERS,
        (_MACS[1], _MACS[0], _MACS[2]),
    ),
    "ubuntu 24.04": Suite(
        (
            _SNTRUP[1],
            *_CURVE,
            "diffie-hellman-group18-sha512",
            "diffie-hellman-group16-sha512",
        ),
        _CIPHERS,
        _MACS,
    ),
}
_CURRENT: Final = Suite((*POST_QUANTUM, *_CURVE), _CIPHERS, _MACS)
"""For every release with ML-KEM (OpenSSH 9.9): Debian 13, Ubuntu 26.04 and later."""


@cache
def client() -> Suite:
    """Return what this controller's own SSH client really offers, asked of it."""
    # paramiko publishes these only on a connected transport.
    offered = vars(paramiko.Transport)
    return Suite(
        tuple(offered["_preferred_kex"]),
        tuple(offered["_preferred_ciphers"]),
        tuple(offered["_preferred_macs"]),
    )


def policy(release: str, profile: Profile) -> Suite:
    """Return the policy for *release* (`ID VERSION_ID` of os-release(5))."""
    suite = _BY_RELEASE.get(release, _CURRENT)
    if profile is Profile.PQ_ONLY:
        return Suite(POST_QUANTUM, suite.ciphers, suite.macs)
    return suite


def choose(
    settings: SshSettings, release: str, host: Suite, ours: Suite
) -> tuple[Suite, tuple[Refusal, ...]]:
    """Return what sshd shall offer, and why that would not do.

    A name that *host* does not know would stop sshd, so the policy's are left out
    and the operator's own are refused. What remains must hold something that
    *ours*, the controller's client, knows: otherwise nobody could prove the change.
    """
    base = policy(release, settings.profile)
    refusals: list[Refusal] = []
    lists: list[tuple[str, ...]] = []
    kinds = (
        ("kex", "key exchange", settings.kex, base.kex, host.kex, ours.kex),
        (
            "ciphers",
            "cipher",
            settings.ciphers,
            base.ciphers,
            host.ciphers,
            ours.ciphers,
        ),
        ("macs", "MAC", settings.macs, base.macs, host.macs, ours.macs),
    )
    for field, kind, named, wanted, known, usable in kinds:
        unknown = [name for name in named if name not in known]
        if unknown:
            refusals.append(_unknown(field, kind, unknown, known))
        chosen = tuple(name for name in (named or wanted) if name in known)
        lists.append(chosen)
        if not set(chosen) & set(usable):
            both = tuple(name for name in known if name in usable)
            refusals.append(
                _pq_unusable(known=POST_QUANTUM[0] in known)
                if field == "kex" and not named and settings.profile is Profile.PQ_ONLY
                else _unusable(field, kind, chosen, both)
            )
    return Suite(*lists), tuple(refusals)


def _unknown(
    field: str, kind: str, unknown: list[str], known: tuple[str, ...]
) -> Refusal:
    return Refusal(
        "ssh-unknown-algorithm",
        f"ssh.{field} names {', '.join(unknown)}, which the host's sshd does not know",
        f"choose from the {kind}s it knows: {', '.join(known)}",
    )


def _pq_unusable(*, known: bool) -> Refusal:
    lacking = (
        "this controller's SSH client has none of them"
        if known
        else "the host's OpenSSH is older than 9.9"
    )
    return Refusal(
        "ssh-no-usable-algorithm",
        f"ssh.profile pq_only would lock Keepgate out: {lacking}",
        "set ssh.profile to default",
    )


def _unusable(
    field: str, kind: str, chosen: tuple[str, ...], both: tuple[str, ...]
) -> Refusal:
    return Refusal(
        "ssh-no-usable-algorithm",
        f"no {kind} would be left that both the host and this controller know "
        f"(the host would offer: {', '.join(chosen) or 'none'})",
        f"add one of these to ssh.{field}: {', '.join(both)}",
    )
