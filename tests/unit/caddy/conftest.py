"""Settings with sites, and hosts as `CaddyFact` would describe them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.caddy import places, wanted
from deploys.caddy.facts import CaddyHost, Listener
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., CaddyHost]
DEBIAN = (2, 6, 2)


@pytest.fixture
def make_settings(shared_settings: MakeSettings) -> MakeSettings:
    """Make settings with *sites*; `caddy` has a login host and an e-mail address."""
    return shared_settings


@pytest.fixture(scope="session")
def shared_settings() -> MakeSettings:
    """Make settings, for fixtures that live longer than a test."""
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    key = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def make(*sites: dict[str, Any], **caddy: Any) -> Settings:
        document = {
            "operator": {"name": "keeper", "keys": [key]},
            "sites": [
                {"host": "app.example.com", "upstream": 8000, **s} for s in sites
            ],
            "caddy": {
                "email": "ops@example.org",
                "login": {"host": "auth.example.com"},
                **caddy,
            },
        }
        return Settings.model_validate_json(json.dumps(document), strict=True)

    return make


@pytest.fixture
def make_host() -> MakeHost:
    """Make a host that serves *settings* as they want it, but for what is named."""

    def make(settings: Settings, **changed: Any) -> CaddyHost:
        version = changed.get("version", DEBIAN)
        host = CaddyHost(
            version=version,
            enabled=True,
            active=True,
            running="same",
            written="same",
            unit=wanted.unit_digest(),
            agent=True,
            buffers=places.BUFFER,
            listeners=(Listener("tcp", 80, "caddy"), Listener("tcp", 443, "caddy")),
            names={"app.example.com": ("held",), "auth.example.com": ("held",)},
            answering=frozenset(site.place for site in settings.sites),
            files=dict(wanted.files(settings, version)),
        )
        return replace(host, **changed)

    return make
