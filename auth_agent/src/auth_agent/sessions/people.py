"""Accounts with a live login or key, in memory, and what a change of one changes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from auth_agent.sessions.model import Account, key_headers, login_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auth_agent.accounts.rows import User


_NOTHING: frozenset[str] = frozenset()


class People:
    """Every account that the gate may meet, once."""

    def __init__(self, roles: Mapping[str, frozenset[str]]) -> None:
        # One set a role, however many accounts have it.
        self._roles = {
            role: frozenset(map(sys.intern, map(str, granted)))
            for role, granted in roles.items()
        }
        self._by_id: dict[str, Account] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def permissions(self, role: str) -> frozenset[str]:
        """Return what *role* may; an unknown role may nothing."""
        return self._roles.get(role, _NOTHING)

    def account(self, user: User) -> Account:
        """Return the account of *user*, as it is in the store now."""
        return self._by_id.get(user.id) or self.take_in(
            Account(
                user.id,
                user.name,
                user.display_name,
                user.email,
                sys.intern(user.role),
                self.permissions(user.role),
                user.active,
            )
        )

    def take_in(self, account: Account) -> Account:
        """Remember an account that was not known; return it."""
        self._by_id[account.id] = account
        return account

    def get(self, user_id: str) -> Account | None:
        """Return the account, if it has a live login or key."""
        return self._by_id.get(user_id)

    def changed(self, user: User) -> None:
        """Take over what changed; in force from the next request on."""
        account = self._by_id.get(user.id)
        if account is None:
            return
        account.name, account.email = user.name, user.email
        account.display_name = user.display_name
        account.role, account.active = user.role, user.active
        account.permissions = self.permissions(user.role)
        for login in account.logins:
            login.headers = login_headers(login)
        for key in account.keys:
            key.permissions = key.scopes & account.permissions
            key.headers = key_headers(key)

    def release(self, account: Account) -> None:
        """Forget *account* if nothing of it is live."""
        if not account.logins and not account.keys:
            self._by_id.pop(account.id, None)
