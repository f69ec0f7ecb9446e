"""The topic `updates`: security updates and point releases come in by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploys.common.topic import Topic
from deploys.updates.facts import UpdatesFact
from deploys.updates.plan import plan

if TYPE_CHECKING:
    from deploys.settings import Settings


def _arguments(settings: Settings) -> dict[str, Any]:
    return {"now": settings.updates.now}


TOPIC = Topic(
    name="updates",
    title="Updates",
    fact=UpdatesFact,
    plan=plan,
    packages=lambda _: ("unattended-upgrades",),
    arguments=_arguments,
)
