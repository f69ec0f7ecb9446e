"""Commands that an error tells people to run, as they would type them here."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from keepgate.inventory.problems import relative

if TYPE_CHECKING:
    from deploys.edge import Target


def trust(target: Target, *words: str) -> str:
    """Return the `keepgate trust` that pins the host key of *target*.

    It names the inventory's file, from the working directory; `INVENTORY` stands in
    for it where the host comes from no file.
    """
    file = relative(target.inventory) if target.inventory else "INVENTORY"
    return shlex.join(("keepgate", "trust", file, *words))
