"""The topic `ssh`: key-only logins of one group, current algorithms, few limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploys.accounts.policy import admitted, dropped
from deploys.common.topic import Topic
from deploys.ssh.facts import SshFact
from deploys.ssh.plan import plan

if TYPE_CHECKING:
    from deploys.settings import Settings


def _arguments(settings: Settings) -> dict[str, Any]:
    operator, *others = admitted(settings)
    return {
        "operator": operator,
        "accounts": tuple(others),
        "dropped": dropped(settings),
    }


TOPIC = Topic(
    name="ssh", title="SSH server", fact=SshFact, plan=plan, arguments=_arguments
)
