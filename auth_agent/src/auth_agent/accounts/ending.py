"""Ending what is an account's own, and bringing memory up to date after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.accounts.duties import owed
from auth_agent.accounts.rows import by_id, is_last_admin
from auth_agent.apikeys.service import revoke_keys
from auth_agent.audit.events import ActorKind
from auth_agent.errors import DeniedError, LastAdminError, NotFoundError
from auth_agent.sessions.service import revoke_logins

if TYPE_CHECKING:
    from auth_agent.accounts.rows import User
    from auth_agent.apikeys.service import KeyService
    from auth_agent.callers import Caller
    from auth_agent.core import Core
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Reader, Transaction


@dataclass(frozen=True)
class Effect:
    """What a change of an account means for what the process remembers."""

    user: User | None = None
    logins: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    owes: str | None = None


class Effects:
    """Applies them; to be handed to `Store.write` as *applied*."""

    def __init__(self, core: Core, sessions: SessionService, keys: KeyService) -> None:
        self._core = core
        self._live = sessions.live
        self._keys = keys.live

    def apply(self, effect: Effect) -> None:
        """Bring memory up to date; in force from the next request on."""
        self._live.drop(effect.logins)
        self._keys.drop(effect.keys)
        if effect.user is None:
            return
        self._core.people.changed(effect.user)
        account = self._core.people.get(effect.user.id)
        if effect.owes is not None and account is not None:
            self._live.end_sites(account)
            for login in account.logins:
                login.owes, login.stale = effect.owes, True


def end_all(tx: Transaction, caller: Caller, user_id: str, reason: str) -> Effect:
    """End an account's logins, pending logins and keys."""
    tx.execute("DELETE FROM pending_logins WHERE user_id = ?", (user_id,))
    logins = revoke_logins(tx, caller, user_id, reason=reason)
    return Effect(logins=logins, keys=revoke_keys(tx, caller, user_id, reason))


def existing(reader: Reader, user_id: str) -> User:
    """Return the account.

    Raises:
        NotFoundError: there is none.
    """
    user = by_id(reader, user_id)
    if user is None:
        raise NotFoundError(kind="account")
    return user


def protect(tx: Transaction, caller: Caller, user: User) -> None:
    """Keep the last administrator, and everybody from removing themselves.

    Raises:
        LastAdminError: *user* is the last one who can act.
        DeniedError: *user* is the caller.
    """
    if is_last_admin(tx, user):
        raise LastAdminError
    if caller.actor.kind is ActorKind.USER and caller.actor.id == user.id:
        reason = "oneself"
        raise DeniedError(reason, "you cannot do this to your own account")


def within(core: Core, caller: Caller, role: str) -> None:
    """Have nobody hand out, or get at, more than they may themselves.

    Whoever gives a role or a new password could else make themselves an
    administrator. The command line may everything, and a key gets nowhere near.

    Raises:
        DeniedError: accounts of *role* may do what the caller may not.
    """
    if caller.login is None:
        return
    if not core.people.permissions(role) <= caller.login.account.permissions:
        reason = "beyond_oneself"
        raise DeniedError(reason, "this account may do more than yours")


def reconsider(core: Core, tx: Transaction, user: User) -> str:
    """Write what the account's logins owe under its new role.

    Ids from before the change are not to carry the new role (ASVS 5.0, 7.2.4): each
    login gets a new one at the login host, and the sites, which cannot be given one
    in passing, ask there for a new session.
    """
    duty = owed(core, tx, user)
    tx.execute(
        "DELETE FROM site_sessions WHERE login_id IN"
        " (SELECT id FROM logins WHERE user_id = ?)",
        (user.id,),
    )
    tx.execute(
        "UPDATE logins SET owes = ?, stale = 1 WHERE user_id = ?", (duty, user.id)
    )
    return duty
