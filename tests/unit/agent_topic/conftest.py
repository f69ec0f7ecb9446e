"""Settings with guarded sites, and hosts as `AgentFact` would describe them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.agent import wanted
from deploys.agent.facts import AgentHost
from deploys.agent.wheel import build
from deploys.agent.wheelhouse import Machine
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., AgentHost]
TRIXIE = Machine((3, 13), "x86_64", 41)
PUBLIC = {"public": ["/"], "preset": "none"}


@pytest.fixture
def make_settings() -> MakeSettings:
    """Make settings with *sites*; further keywords are those of `agent`."""
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    key = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def make(
        *sites: dict[str, Any], login: str = "auth.kg.test", **agent: Any
    ) -> Settings:
        internal = {"tls": "internal"}
        document = {
            "operator": {"name": "keeper", "keys": [key]},
            "sites": [
                {"host": "app.kg.test", "upstream": 8000, **internal, **s}
                for s in sites
            ],
            "caddy": {"login": {"host": login, **internal}},
            "agent": agent,
        }
        return Settings.model_validate_json(json.dumps(document), strict=True)

    return make


@pytest.fixture
def make_host() -> MakeHost:
    """Make a host that runs the agent as *settings* want it, but for what is named."""

    def make(settings: Settings, **changed: Any) -> AgentHost:
        release = build().release(TRIXIE.python)
        host = AgentHost(
            machine=TRIXIE,
            account="/var/lib/auth-agent:/usr/sbin/nologin",
            caddy=True,
            releases=frozenset({release}),
            current=release,
            enabled=True,
            active=True,
            running=wanted.digest(settings, release),
            healthy=True,
            key="600 root:root",
            state=True,
            mail=settings.agent.mail is not None,
            sealed=True,
            admins=1,
            files=dict(wanted.files(settings, release)),
        )
        return replace(host, **changed)

    return make
