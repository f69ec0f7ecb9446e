"""Exit statuses: a stable contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.common.errors import KeepgateError
from keepgate.inventory.problems import InventoryError

if TYPE_CHECKING:
    from collections.abc import Iterable


class UsageError(KeepgateError):
    """The command line asks for something that does not make sense."""


FINE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
ROLLED_BACK: Final = 3
UNREACHABLE: Final = 4
REGRESSED: Final = 5
"""An agent's audit log lacks what was seen of it before: it was cut or forged."""

INTERRUPTED: Final = 130
"""What shells use for a program ended by SIGINT."""

_BY_STATUS: Final = {
    "ok": FINE,
    "changed": FINE,
    "not started": FINE,
    "failed": FAILED,
    "refused": FAILED,
    "rolled_back": ROLLED_BACK,
    "unreachable": UNREACHABLE,
}


def of_status(status: str) -> int:
    """Return the exit status for how the run ended on one host."""
    return _BY_STATUS[status]


def of_error(error: KeepgateError) -> int:
    """Return the exit status for what ended a command as a whole."""
    if isinstance(error, InventoryError | UsageError):
        return USAGE
    return of_status(error.status)


def of_all(statuses: Iterable[str]) -> int:
    """Return the exit status for several hosts: the first of 3, 1, 4 any host met."""
    met = {of_status(status) for status in statuses}
    return next((e for e in (ROLLED_BACK, FAILED, UNREACHABLE) if e in met), FINE)
