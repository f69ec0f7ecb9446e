"""Hosts with accounts, as freshly installed clouds hand them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.accounts.database import Account
from deploys.accounts.facts import AccountsHost, Login
from deploys.accounts.places import BRIDGE, KEYS_DIRECTORY, SUDOERS, key_file
from deploys.settings import Settings
from deploys.ssh.effective import Effective

SSHD = {
    "permitrootlogin": ("without-password",),
    "pubkeyauthentication": ("yes",),
    "passwordauthentication": ("yes",),
    "kbdinteractiveauthentication": ("no",),
    "permitemptypasswords": ("no",),
    "usepam": ("yes",),
    "authorizedkeysfile": (".ssh/authorized_keys .ssh/authorized_keys2",),
    "trustedusercakeys": ("none",),
    "authorizedkeyscommand": ("none",),
}
TODAY = 20000

MakeKey = Callable[..., str]
MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., AccountsHost]


def _key(kind: str = "ed25519", *, comment: str = "", bits: int = 3072) -> str:
    """Return a fresh public key's line."""
    public = (
        rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate().public_key()
    )
    line: bytes = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return f"{line.decode()} {comment}".strip()


@pytest.fixture
def key() -> MakeKey:
    """Make a public key."""
    return _key


@pytest.fixture
def own() -> str:
    """The operator's key."""
    return _key(comment="operator")


@pytest.fixture
def settings(own: str) -> MakeSettings:
    """Make settings from the inventory's section on accounts."""

    def make(*, name: str = "keeper", **accounts: Any) -> Settings:
        operator = {"name": name, "keys": (own,)}
        return Settings.model_validate({"operator": operator, "accounts": accounts})

    return make


@pytest.fixture
def host() -> MakeHost:
    """Make a host; its accounts are given with the text of their key files."""

    def make(
        logins: dict[str, str] | None = None,
        *,
        sshd: dict[str, tuple[str, ...]] | None = None,
        **changes: Any,
    ) -> AccountsHost:
        keys = {"root": "", **(logins or {})}
        said = Effective({**SSHD, **(sshd or {})})
        accounts = {
            name: Account(  # noqa: S604 - a login shell
                name=name,
                uid=0 if name == "root" else 1000 + number,
                gid=0 if name == "root" else 1000 + number,
                home="/root" if name == "root" else f"/home/{name}",
                shell="/bin/bash",
            )
            for number, name in enumerate(keys)
        }
        for name, fields in changes.items():
            accounts[name] = replace(accounts[name], **fields)
        return AccountsHost(
            accounts=accounts,
            members={name: (name,) for name in accounts},
            today=TODAY,
            logins={
                name: Login(said, text)
                for name, text in keys.items()
                if accounts[name].has_shell
            },
            effective=said,
            homes=frozenset(name for name in keys if name != "root"),
            files=dict.fromkeys(
                (KEYS_DIRECTORY, *(key_file(n) for n in keys), SUDOERS, BRIDGE)
            ),
        )

    return make
