"""The topic `caddy`: TLS, and the gate in front of apps."""

from __future__ import annotations

from typing import Final

from deploys.caddy.archive.topic import SOURCE
from deploys.caddy.facts import CaddyFact
from deploys.caddy.plan import plan
from deploys.common.topic import Topic

PACKAGES: Final = ("caddy", "ca-certificates")

TOPIC = Topic(
    name="caddy",
    title="Web server",
    fact=CaddyFact,
    plan=plan,
    packages=lambda settings: PACKAGES if settings.sites else (),
    arguments=lambda settings: {"settings": settings},
    sources=(SOURCE,),
)
