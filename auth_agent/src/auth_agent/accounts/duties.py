"""What a login owes before it may do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.sessions.model import Owes

if TYPE_CHECKING:
    from auth_agent.accounts.rows import User
    from auth_agent.core import Core
    from auth_agent.storage.store import Reader


def has_totp(reader: Reader, user_id: str) -> bool:
    """Whether the account has an authenticator app."""
    row = reader.one("SELECT 1 FROM totp WHERE user_id = ?", (user_id,))
    return row is not None


def owed(core: Core, reader: Reader, user: User) -> Owes:
    """Return what logins of *user* must do first.

    A password that is shorter than one may be that stands alone is to be changed
    once no second factor is enforced any more.
    """
    enforced = core.needs_second_factor(user.role)
    if user.must_change_password or (user.password_short and not enforced):
        return Owes.CHANGE_PASSWORD
    if enforced and not has_totp(reader, user.id):
        return Owes.ENROL
    return Owes.NOTHING
