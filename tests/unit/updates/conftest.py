"""Hosts as `UpdatesFact` would describe them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.settings import Settings
from deploys.updates import wanted
from deploys.updates.facts import Apt, UpdatesHost

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., UpdatesHost]


@pytest.fixture
def make_settings() -> MakeSettings:
    """Make settings of a host with the given ones of the topic."""
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    key = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def make(**updates: Any) -> Settings:
        return Settings.model_validate(
            {"operator": {"name": "keeper", "keys": [key]}, "updates": updates}
        )

    return make


def _said(settings: Settings, system: str) -> Apt:
    return Apt(
        {key.lower(): value for key, value in wanted.scalars(settings).items()},
        {key.lower(): value for key, value in wanted.lists(settings, system).items()},
    )


@pytest.fixture
def make_host() -> MakeHost:
    """Make a host that is as *settings* want it, but for what is named."""

    def make(settings: Settings, system: str = "debian", **changed: Any) -> UpdatesHost:
        host = UpdatesHost(
            system=system,
            apt=_said(settings, system),
            age=600,
            pending=(),
            held=(),
            sleeping=(),
            reload=False,
            mailer=False,
            files=dict(wanted.files(settings, system)),
        )
        return replace(host, **changed)

    return make
