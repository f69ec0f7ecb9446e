"""What a topic is: how it observes a host and what it plans for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploys.common.batch import BatchFact
    from deploys.common.changes import Plan
    from deploys.settings import Settings


@dataclass(frozen=True)
class Topic:
    """One room of the house.

    *packages* names the Debian packages that must be there before the topic's
    plan is carried out, *sources* what settles where they come from. *arguments* are
    what the fact is asked with. *plan* is pure: settings and observation in, `Plan`
    out.
    """

    name: str
    title: str
    fact: type[BatchFact[Any]]
    plan: Callable[[Settings, Any], Plan]
    packages: Callable[[Settings], tuple[str, ...]] = lambda _: ()
    arguments: Callable[[Settings], dict[str, Any]] = lambda _: {}
    sources: tuple[Topic, ...] = ()
