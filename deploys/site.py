"""Everything that Keepgate does to a host, in order.

Works as `pyinfra INVENTORY deploys/site.py` and called by Keepgate's own engine:

1. preflight: every topic is observed and planned in one command; whatever speaks
   against a change is told before the first one is made;
2. packages: what the topics need, in one transaction, once it is settled where from;
3. the topics; those that could lock somebody out, or take sites away, are confirmed
   by a fresh login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.common import packages
from deploys.common.operations import converge
from deploys.confirm.operations import commit
from deploys.preflight.deploy import PREFLIGHT, preflight
from deploys.topics import NAMES, topics

if TYPE_CHECKING:
    from collections.abc import Collection

    from deploys.common.topic import Topic

RISKY: Final = ("accounts", "ssh", "firewall", "caddy")
"""Topics that could lock the operator out, or take the sites away from everybody.

Each is a commit of its own, undone by the host unless it is proved.
"""


def steps(only: Collection[str] = ()) -> tuple[Topic, ...]:
    """Return what is observed and carried out, in order; all topics by default.

    Raises:
        ValueError: *only* names a topic that there is not.
    """
    strange = [name for name in only if name not in NAMES]
    if strange:
        message = f"there is no topic {strange[0]!r}; there are {', '.join(NAMES)}"
        raise ValueError(message)
    chosen = tuple(topic for topic in topics() if not only or topic.name in only)
    sources = (source for topic in chosen for source in topic.sources)
    return (PREFLIGHT, *sources, packages.topic(chosen), *chosen)


def site(only: Collection[str] = ()) -> None:
    """Make the host in context as its settings say; all topics by default.

    A host that must not be touched fails in the first operation, with nothing
    changed. Operations are the same for every host, whatever it needs.
    """
    everything = steps(only)
    preflight(name="Preflight", topics=everything)
    for topic in everything[1:]:
        if topic.name in RISKY:
            commit(name=topic.title, topic=topic.name)
        else:
            converge(name=topic.title, topic=topic)


# pyinfra's own command line runs this file as a text without a module's name.
if __name__ == "builtins":
    site()
