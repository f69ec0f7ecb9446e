"""Inventories in a folder of their own, with keys made on the spot."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

Write = Callable[[str], Path]


def keypair(path: Path, passphrase: bytes | None = None) -> None:
    """Write a new private key to *path* and its public key beside it."""
    key = ed25519.Ed25519PrivateKey.generate()
    lock = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, lock
        )
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    path.with_name(f"{path.name}.pub").write_bytes(public + b" operator\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for inventories; state and home folder are beside it."""
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    keypair(tmp_path / "home" / ".ssh" / "id_ed25519")
    path = tmp_path / "inventories"
    path.mkdir()
    keypair(path / "operator")
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def write(folder: Path) -> Write:
    """Return a function that writes an inventory and returns its path."""

    def written(text: str) -> Path:
        path = folder / "x.yml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return written
