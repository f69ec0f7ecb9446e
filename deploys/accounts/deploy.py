"""The topic `accounts`: the operator with keys and sudo, and who else gets in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploys.accounts.facts import AccountsFact
from deploys.accounts.plan import plan
from deploys.accounts.policy import admitted
from deploys.common.topic import Topic

if TYPE_CHECKING:
    from deploys.settings import Settings


def _arguments(settings: Settings) -> dict[str, Any]:
    operator, *others = admitted(settings)
    dropped = [name for name in settings.accounts.drop if name != operator]
    return {"operator": operator, "others": (*others, *dropped)}


TOPIC = Topic(
    name="accounts",
    title="Accounts",
    fact=AccountsFact,
    plan=plan,
    packages=lambda _: ("sudo",),
    arguments=_arguments,
)
