"""The topic `agent`: who comes to a guarded site is asked who they are."""

from __future__ import annotations

from typing import Final

from deploys.agent.config import guarded
from deploys.agent.facts import AgentFact
from deploys.agent.plan import plan
from deploys.common.topic import Topic

PACKAGES: Final = ("python3-venv", "ca-certificates")

TOPIC = Topic(
    name="agent",
    title="Login",
    fact=AgentFact,
    plan=plan,
    packages=lambda settings: PACKAGES if guarded(settings) else (),
    arguments=lambda settings: {"settings": settings},
)
