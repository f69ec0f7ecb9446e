"""Hosts as they are before a firewall, with one, and with somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.common.changes import Plan
from deploys.firewall.facts import FirewallHost
from deploys.firewall.kernel import Kernel
from deploys.firewall.places import FOLDER, RULES, UNIT_FILE
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
Apply = Callable[[FirewallHost, Plan], FirewallHost]
LOADED = 'table inet keepgate {\n\tcomment "Keepgate"\n}\n'

STOCK = FirewallHost(
    live="",
    expected="",
    kernel=Kernel(),
    complaint="",
    ports=(22,),
    engines=(),
    forwards=False,
    ufw=False,
    firewalld=False,
    shutting=(),
    published=(),
    enabled=False,
    active=False,
    files={FOLDER: None, RULES: None, UNIT_FILE: None},
)


@pytest.fixture
def stock() -> FirewallHost:
    """A host without any firewall."""
    return STOCK


@pytest.fixture
def settings() -> MakeSettings:
    """Make settings from what an inventory says about the firewall."""
    raw = Ed25519PrivateKey.generate().public_key()
    line = raw.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def make(*, networks: tuple[str, ...] = (), **firewall: Any) -> Settings:
        operator = {"name": "keeper", "keys": (line,), "networks": networks}
        return Settings.model_validate({"operator": operator, "firewall": firewall})

    return make


@pytest.fixture
def applied() -> Apply:
    """Return the host as it is after a plan was carried out."""

    def apply(host: FirewallHost, plan: Plan) -> FirewallHost:
        files = {**host.files, **{change.path: change.after for change in plan.files}}
        return replace(
            host,
            files=files,
            live=LOADED,
            expected=LOADED,
            enabled=True,
            active=True,
        )

    return apply
