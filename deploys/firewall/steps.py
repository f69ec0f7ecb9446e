"""POSIX sh that loads the rules on the host, and takes them back."""

from __future__ import annotations

from typing import Final

from deploys.common.changes import Action
from deploys.common.remote import PATH
from deploys.firewall.places import RULES, SNAPSHOT, TABLE, UNIT, UNIT_FILE, UNIT_LINK

_PATH: Final = f"PATH={PATH}; export PATH"
_GONE: Final = f"add table {TABLE}\\ndelete table {TABLE}\\n"

VALIDATE: Final = f"{_PATH}\nnft -c -f {RULES}\n"
"""The kernel itself judges the whole transaction, and takes nothing of it."""

# A reload of everything, only where systemd has an older unit in mind.
_REREAD: Final = (
    f'[ "$(systemctl show -P NeedDaemonReload {UNIT})" != yes ] '
    "|| systemctl daemon-reload"
)

ACTIVATE: Final = f"""\
{_PATH}
{_REREAD}
systemctl reset-failed {UNIT} 2>/dev/null || :
systemctl restart {UNIT}
"""
"""Loads the rules by the very unit that does so at boot.

A restart runs nothing but the loading, which is one transaction: there is no
moment without rules.
"""

REVERT: Final = f"""\
{_PATH}
{_REREAD}
systemctl reset-failed {UNIT} 2>/dev/null || :
if [ ! -e {UNIT_FILE} ]; then
  systemctl stop {UNIT} 2>/dev/null || :
  systemctl reset-failed {UNIT} 2>/dev/null || :
fi
"""
"""Makes systemd forget a unit that is gone; the table is `remember`'s to restore."""


def remember() -> Action:
    """Keep the table as the kernel holds it; undone, the kernel holds it again.

    The undoing finds the restored files in place. After a restart the copy is gone
    with the table: then the file decides, or its absence.
    """
    return Action(
        "keep the present rules for a rollback",
        f"""\
{_PATH}
rm -f {SNAPSHOT} {SNAPSHOT}.new
mkdir -p {SNAPSHOT.rpartition("/")[0]}
{{
  printf '{_GONE}'
  nft -s list table {TABLE} 2>/dev/null || :
}} > {SNAPSHOT}.new
mv {SNAPSHOT}.new {SNAPSHOT}
""",
        f"""\
{_PATH}
if [ -e {SNAPSHOT} ] && nft -f {SNAPSHOT}; then rm -f {SNAPSHOT}
elif [ -e {RULES} ]; then nft -f {RULES}
else printf '{_GONE}' | nft -f -
fi
""",
    )


def enable() -> Action:
    """Have the rules loaded at every boot."""
    return Action(
        f"enable {UNIT}",
        f"{_PATH}\nsystemctl --quiet --no-reload enable {UNIT}\n",
        f"rm -f {UNIT_LINK}\n",
    )


def load() -> Action:
    """Have the kernel hold what the file says."""
    return Action("load the rules into the kernel", ":")
