"""Names and paths of the packet filter on the host."""

from __future__ import annotations

from typing import Final

TABLE: Final = "inet keepgate"
"""Our table, and the only one that is ever touched."""

MARK: Final = "Keepgate"
"""The table's comment: whose it is. A table of that name without it is foreign."""

FOLDER: Final = "/etc/keepgate"
RULES: Final = f"{FOLDER}/firewall.nft"
"""The rules, as one transaction for `nft -f`."""

UNIT: Final = "keepgate-firewall.service"
"""Loads the rules at boot.

Never nftables.service: stopping that one flushes everybody's tables.
"""

UNIT_FILE: Final = f"/etc/systemd/system/{UNIT}"
UNIT_LINK: Final = f"/etc/systemd/system/sysinit.target.wants/{UNIT}"

SNAPSHOT: Final = "/run/keepgate/firewall.before"
"""The table as it was before a commit; gone after a restart, like the table."""
