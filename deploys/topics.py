"""The topics in the order in which a host is changed: the only list of them.

Accounts come first (the operator is proved before anything closes), then SSH,
then the firewall; each of these is a commit of its own, as is the web server, which
comes after the agent that it asks.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deploys.common.topic import Topic

NAMES: Final = (
    *("accounts", "ssh", "firewall", "fail2ban", "updates"),
    *("agent", "caddy"),
)
"""Each is a folder beside this file, whose `deploy.py` holds its `TOPIC`.

Names, so that a command line can tell them without importing pyinfra.
"""


@cache
def topics() -> tuple[Topic, ...]:
    """Return every topic, in order."""
    found = [import_module(f"deploys.{name}.deploy").TOPIC for name in NAMES]
    return tuple(found)
