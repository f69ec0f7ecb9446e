"""Operator keys whose private half is not here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from paramiko import PKey

from deploys.edge import Target
from keepgate.engine import ownkeys
from tests.unit.inventory.conftest import keypair


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two key pairs: `ours` and `other`."""
    for name in ("ours", "other"):
        keypair(tmp_path / name)
    return tmp_path


def target(folder: Path, *keys: str, key: str = "ours") -> Target:
    """Return a host whose operator has the public keys *keys*; we log in by *key*."""
    described = {
        "name": "web",
        "address": "192.0.2.7",
        "login": "debian",
        "key": str(folder / key) if key else None,
        "known_hosts": str(folder / "known_hosts"),
        "state": str(folder / "state"),
        "settings": {
            "operator": {
                "name": "keeper",
                "keys": [(folder / f"{name}.pub").read_text().strip() for name in keys],
            }
        },
    }
    return Target.model_validate_json(json.dumps(described), strict=True)


def test_a_key_that_we_log_in_with_needs_no_word(folder: Path, tmp_path: Path) -> None:
    """The private key of the inventory is the operator's: nothing to say."""
    host = target(folder, "ours")

    assert () == ownkeys.warnings(host, ownkeys.usable(host), tmp_path / "none")


def test_no_key_of_the_operator_here_is_told(folder: Path, tmp_path: Path) -> None:
    """Where no private half is at hand, the commit could not be proved."""
    host = target(folder, "other")

    (told,) = ownkeys.warnings(host, ownkeys.usable(host), tmp_path / "none")

    assert "none of operator.keys" in told
    assert "ssh-add" in told


def test_a_further_key_without_its_private_half_is_told(
    folder: Path, tmp_path: Path
) -> None:
    """Each such key is named by its fingerprint and comment."""
    host = target(folder, "ours", "other")

    (told,) = ownkeys.warnings(host, ownkeys.usable(host), tmp_path / "none")

    other = PKey.from_path(folder / "other")
    assert other.fingerprint in told
    assert "(operator)" in told


def test_a_pair_in_the_usual_folder_is_at_hand(folder: Path) -> None:
    """A private key that is not used by this run lies beside its public half."""
    host = target(folder, "ours", "other")

    assert () == ownkeys.warnings(host, ownkeys.usable(host), folder)


def test_a_public_key_alone_is_no_pair(folder: Path) -> None:
    """A `.pub` file without the private one beside it proves nothing."""
    host = target(folder, "ours", "other")
    (folder / "other").unlink()

    assert 1 == len(ownkeys.warnings(host, ownkeys.usable(host), folder))


def test_without_a_key_the_agent_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No agent runs: that is told as such, not as an error."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    host = target(folder, "ours", key="")

    (told,) = ownkeys.warnings(host, ownkeys.usable(host), folder)

    assert "the SSH agent" in told
