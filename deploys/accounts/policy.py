"""Who is to get in, as the settings say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploys.settings import Settings


def dropped(settings: Settings) -> tuple[str, ...]:
    """Return every account that shall lose its sudo rights: no operator, no root.

    The settings admit no operator in `drop`; this does not rely on it.
    """
    kept = {*admitted(settings), "root"}
    return tuple(name for name in settings.accounts.drop if name not in kept)


def admitted(settings: Settings) -> tuple[str, ...]:
    """Return every account that may log in, the operator first."""
    accounts = settings.accounts
    names = (settings.operator.name, *accounts.users, *accounts.adopt)
    return tuple(dict.fromkeys(names))
