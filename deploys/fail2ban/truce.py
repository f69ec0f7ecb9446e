"""A truce: while a commit is proved, no jail counts our own refused logins.

Proving that somebody is refused means to be refused, and so does learning that a
switch has shut the operator out. A jail of somebody else's, or the stock one before
ours, counts that and bans the address from which we would have to mend it. So the
addresses that we come from are added to the ignore lists of the running server, in no
file, and a timer on the host takes them off again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from deploys.common.remote import whole
from deploys.common.templates import render
from deploys.fail2ban.wanted import SPARE

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTE: Final = "/run/keepgate/truce.json"
"""Jail and address of everything that a truce has added, while it lasts."""

UNIT: Final = "keepgate-truce"
"""The timer that ends a truce, and the service that may be started to end it now."""


def text(addresses: Sequence[str], *, seconds: int) -> str:
    """Return the text by which every jail ignores *addresses* for *seconds*.

    It writes `spared JAIL` for what it added, `open JAIL ADDRESS` for a jail that
    would not hear of it, and at its end `done`; `none` where no fail2ban runs.
    """
    body = render(
        "fail2ban/truce.sh.j2",
        addresses=json.dumps(list(addresses)),
        note=NOTE,
        spare=SPARE,
        unit=UNIT,
        seconds=seconds,
    )
    return whole(body.decode())
