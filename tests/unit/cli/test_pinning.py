"""May a host's keys be pinned?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from deploys.edge import Target
from keepgate.cli.exits import UsageError
from keepgate.cli.fingerprints import by_host, fingerprint
from keepgate.cli.pinning import Offer, Standing, offer
from keepgate.cli.runs import HostRun
from keepgate.engine import events
from keepgate.inventory import known_hosts

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
A, B = f"SHA256:{'A' * 43}", f"SHA256:{'B' * 43}"
ED, RSA = "ssh-ed25519", "ssh-rsa"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A host of which nothing is known yet."""
    return Target.model_validate(
        {
            "name": "web1",
            "address": "192.0.2.1",
            "login": "debian",
            "known_hosts": tmp_path / "known_hosts",
            "state": tmp_path,
            "settings": {"operator": {"name": "keeper", "keys": (KEY,)}},
        }
    )


def shown(target: Target, *keys: tuple[str, str, str]) -> HostRun:
    """Return a run that found *keys*: type, key, fingerprint."""
    run = HostRun(target.name)
    found = [{"type": t, "key": k, "fingerprint": f} for t, k, f in keys]
    run.take(events.Ended("ok", facts={"keys": found}))
    return run


def judge(
    target: Target,
    *keys: tuple[str, str, str],
    replace: bool = False,
    expected: frozenset[str] | None = None,
) -> Offer:
    """Judge *keys* that *target* shows."""
    return offer(target, shown(target, *keys), replace=replace, expected=expected)


def pin(target: Target, **keys: str) -> None:
    """Pin *keys* for *target* (underscores for dashes)."""
    named = {kind.replace("_", "-"): key for kind, key in keys.items()}
    known_hosts.pin(target.known_hosts, target.address, named)


def test_unknown_host_is_fresh(target: Target) -> None:
    """A host without a pinned key may be pinned, with all its types."""
    made = judge(target, (ED, "k1", A), (RSA, "k2", B))

    assert Standing.FRESH is made.standing
    assert {ED: "k1", RSA: "k2"} == made.keys
    assert not made.proved


def test_pinned_host_is_trusted(target: Target) -> None:
    """A host that shows its pinned key is trusted; a further type is not pinned."""
    pin(target, ssh_ed25519="k1")

    made = judge(target, (ED, "k1", A), (RSA, "other", B))

    assert Standing.TRUSTED is made.standing


def test_changed_key_is_refused(target: Target) -> None:
    """Another key of a pinned type is refused, though a second type still fits."""
    pin(target, ssh_ed25519="k1", ssh_rsa="k2")

    made = judge(target, (ED, "evil", A), (RSA, "k2", B))

    assert Standing.REFUSED is made.standing
    assert "CHANGED" in made.message
    assert "--replace web1" in made.fix


def test_host_that_hides_its_pinned_type_is_refused(target: Target) -> None:
    """Who shows none of the pinned types has not proved to be that host."""
    pin(target, ssh_rsa="k2")

    assert Standing.REFUSED is judge(target, (ED, "new", A)).standing


def test_replace_makes_it_fresh(target: Target) -> None:
    """A changed key of a host named in --replace may be pinned."""
    pin(target, ssh_ed25519="k1")

    assert Standing.FRESH is judge(target, (ED, "k3", A), replace=True).standing


def test_fingerprint_narrows_to_its_key(target: Target) -> None:
    """Only the key whose fingerprint was named is pinned, without asking."""
    made = judge(target, (ED, "k1", A), (RSA, "k2", B), expected=frozenset({A}))

    assert made.proved
    assert {ED: "k1"} == made.keys


def test_wrong_fingerprint_is_refused(target: Target) -> None:
    """A host that shows no named key is refused, even when replacing."""
    made = judge(target, (ED, "k1", A), replace=True, expected=frozenset({B}))

    assert Standing.REFUSED is made.standing


def test_revoked_key_is_refused(target: Target) -> None:
    """A key that the file calls revoked is never pinned."""
    target.known_hosts.write_text(f"@revoked 192.0.2.1 {ED} k1\n")

    assert Standing.REFUSED is judge(target, (ED, "k1", A), replace=True).standing


def test_unreachable_host_says_why(target: Target) -> None:
    """A host that shows nothing is told with the reason."""
    run = HostRun(target.name)
    run.take(events.Ended("unreachable", message="refuses", fix="look"))

    made = offer(target, run, replace=False, expected=None)

    assert (Standing.UNREACHABLE, "refuses", "look") == (
        made.standing,
        made.message,
        made.fix,
    )


def test_fingerprint_as_ssh_keygen_shows_it() -> None:
    """With or without its host, and without its padding."""
    assert ("", A) == fingerprint(A)
    assert ("web1", A) == fingerprint(f"web1={A}=")


@pytest.mark.parametrize(
    "text", ["", "SHA256:short", f"MD5:{A}", f"web1={A}x", "web1="]
)
def test_no_fingerprint(text: str) -> None:
    """Anything else is told, with how to write it."""
    with pytest.raises(argparse.ArgumentTypeError, match="ssh-keygen -l"):
        fingerprint(text)


def test_fingerprint_without_host_is_for_one_host_only() -> None:
    """With several hosts it must be said whose it is."""
    assert {"web1": frozenset({A})} == by_host([("", A)], ["web1"])
    with pytest.raises(UsageError, match="could be that of web1 or web2"):
        by_host([("", A)], ["web1", "web2"])
    with pytest.raises(UsageError, match="no host web3"):
        by_host([("web3", A)], ["web1", "web2"])
