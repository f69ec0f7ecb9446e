"""The file of trusted host keys."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from deploys.common.errors import KeepgateError
from keepgate.inventory.known_hosts import name_of, pin, pins

if TYPE_CHECKING:
    from pathlib import Path

NAME = "192.0.2.1"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def test_name_holds_another_port() -> None:
    """A server on another port than 22 has a name of its own, as ssh writes it."""
    assert NAME == name_of(NAME, 22)
    assert f"[{NAME}]:2222" == name_of(NAME, 2222)


def test_missing_file_pins_nothing(tmp_path: Path) -> None:
    """Where there is no file, nothing is trusted."""
    assert {} == pins(tmp_path / "none", NAME).keys


def test_pinned_keys_are_read_again(tmp_path: Path) -> None:
    """What was pinned is what is trusted, and of that host alone."""
    path = tmp_path / "folder/known_hosts"

    pin(path, NAME, {"ssh-ed25519": "k1", "ssh-rsa": "k2"})

    assert {"ssh-ed25519": {"k1"}, "ssh-rsa": {"k2"}} == pins(path, NAME).keys
    assert {} == pins(path, "192.0.2.10").keys
    assert 0o600 == path.stat().st_mode & 0o777


def test_other_lines_stay(tmp_path: Path) -> None:
    """Comments, other hosts, other names of a line and odd bytes survive."""
    path = tmp_path / "known_hosts"
    path.write_bytes(
        b"# mine \xff\n\n"
        b"other.example ssh-rsa o1\n"
        b"alias,192.0.2.1 ssh-ed25519 old comment here\n"
        b"@cert-authority * ssh-ed25519 ca\n"
        b"192.0.2.1 ssh-rsa old\n"
    )

    pin(path, NAME, {"ssh-ed25519": "new"})

    assert (
        b"# mine \xff\n\n"
        b"other.example ssh-rsa o1\n"
        b"alias ssh-ed25519 old comment here\n"
        b"@cert-authority * ssh-ed25519 ca\n"
        b"192.0.2.1 ssh-ed25519 new\n"
    ) == path.read_bytes()


def test_hashed_names_are_known(tmp_path: Path) -> None:
    """A file that OpenSSH hashed is read, and its line replaced."""
    path = tmp_path / "known_hosts"
    path.write_text(f"{NAME} ssh-ed25519 {KEY}\n")
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True
    )
    assert NAME not in path.read_text()

    assert ["ssh-ed25519"] == list(pins(path, NAME).keys)

    pin(path, NAME, {"ssh-rsa": "k2"})

    assert f"{NAME} ssh-rsa k2\n" == path.read_text()


def test_revoked_keys_are_told_apart(tmp_path: Path) -> None:
    """A revoked key is no trusted one."""
    path = tmp_path / "known_hosts"
    path.write_text(f"@revoked {NAME} ssh-rsa bad\n")

    assert ({}, frozenset({"bad"})) == (
        pins(path, NAME).keys,
        pins(path, NAME).revoked,
    )


def test_link_is_followed_not_replaced(tmp_path: Path) -> None:
    """A link into somebody's dotfiles stays a link."""
    real, link = tmp_path / "real", tmp_path / "known_hosts"
    real.write_text("")
    link.symlink_to(real)

    pin(link, NAME, {"ssh-rsa": "k"})

    assert link.is_symlink()
    assert f"{NAME} ssh-rsa k\n" == real.read_text()


def test_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """Only the file and its lock remain."""
    path = tmp_path / "known_hosts"

    pin(path, NAME, {"ssh-rsa": "k"})

    assert {"known_hosts", ".known_hosts.lock"} == {
        each.name for each in tmp_path.iterdir()
    }


def test_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """A path that is no file is an error with a remedy."""
    with pytest.raises(KeepgateError, match="cannot be used"):
        pins(tmp_path, NAME)
