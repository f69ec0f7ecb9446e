"""Hosts as `Fail2banFact` would describe them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.fail2ban import wanted
from deploys.fail2ban.facts import Fail2banHost, Server
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., Fail2banHost]


@pytest.fixture
def make_settings() -> MakeSettings:
    """Make settings of a host with the operator's networks and the topic's.

    With *proxied* there is a site behind login, proxied by that (`none`: by nobody).
    """
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    key = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def make(
        networks: tuple[str, ...] = (), *, proxied: str = "", **fail2ban: Any
    ) -> Settings:
        operator = {"name": "keeper", "keys": [key], "networks": list(networks)}
        web: dict[str, Any] = {}
        if proxied:
            site = {"host": "app.example.com", "upstream": 8080, "proxied_by": proxied}
            login = {"host": "auth.example.com", "tls": "internal"}
            web = {
                "sites": [{**site, "tls": "internal"}],
                "caddy": {"login": login},
            }
        return Settings.model_validate(
            {"operator": operator, "fail2ban": fail2ban, **web}
        )

    return make


@pytest.fixture
def make_host() -> MakeHost:
    """Make a host that is as *settings* want it, but for what is named."""

    def make(settings: Settings, **changed: Any) -> Fail2banHost:
        ours = wanted.jails(settings)
        host = Fail2banHost(
            installed=True,
            enabled=True,
            server=Server(
                values=wanted.server(settings),
                jails={
                    jail.name: jail.answers(wanted.ignored(settings)) for jail in ours
                },
                unenforced=(),
                chains=frozenset(jail.name for jail in ours),
            ),
            loaded=True,
            reload=False,
            files=dict(wanted.files(settings)),
        )
        return replace(host, **changed)

    return make
