"""Where Caddy's package comes from, as a topic that goes before the packages."""

from __future__ import annotations

from typing import Final

from deploys.caddy.archive.facts import ArchiveFact
from deploys.caddy.archive.plan import NAME, plan
from deploys.common.topic import Topic

SOURCE: Final = Topic(
    name=NAME,
    title="Caddy's archive",
    fact=ArchiveFact,
    plan=plan,
    arguments=lambda settings: {"settings": settings},
)
