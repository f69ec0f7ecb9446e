"""Accounts: made, changed, ended; always with the last administrator in mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts import links, lists
from auth_agent.accounts.ending import (
    Effect,
    end_all,
    existing,
    protect,
    reconsider,
    within,
)
from auth_agent.accounts.fields import Fields, check_email_free, insert
from auth_agent.accounts.links import Link, Purpose, make
from auth_agent.accounts.names import canonical_email, shown_name
from auth_agent.accounts.notices import Notice, NoticeInfo, of_account, tell
from auth_agent.accounts.onboarding import Onboarding
from auth_agent.accounts.rows import ADMIN, by_login, is_last_admin
from auth_agent.audit.events import Event
from auth_agent.errors import (
    ConflictError,
    InvalidInputError,
    LastAdminError,
    NotFoundError,
)
from auth_agent.ids import random_id
from auth_agent.sessions.service import revoke_logins

if TYPE_CHECKING:
    from auth_agent.accounts.lists import UserInfo
    from auth_agent.callers import Caller
    from auth_agent.storage.store import Transaction


class AccountService(Onboarding):
    """What administrators do to accounts, and how they are looked up.

    The actions need step-up, from whomever they come.
    """

    def get(self, user_id: str) -> UserInfo:
        """Return an account.

        Raises:
            NotFoundError: there is none.
        """
        core = self._core
        found = core.store.read(
            lambda reader: lists.one(reader, user_id, core.micros())
        )
        if found is None:
            raise NotFoundError(kind="account")
        return found

    def find(self, name: str) -> UserInfo:
        """Return the account with that name or address.

        Raises:
            NotFoundError: there is none.
        """
        user = self._core.store.read(lambda reader: by_login(reader, name))
        if user is None:
            raise NotFoundError(kind="account")
        return self.get(user.id)

    def list(
        self, *, search: str = "", limit: int = 100, offset: int = 0
    ) -> tuple[UserInfo, ...]:
        """Return accounts by name; *search* is how name or address begins."""
        now = self._core.micros()
        return self._core.store.read(
            lambda reader: lists.some(
                reader, search=search, limit=limit, offset=offset, now=now
            )
        )

    def count(self, *, search: str = "") -> int:
        """Return how many accounts `list` would give in all."""
        return self._core.store.read(lambda reader: lists.count(reader, search))

    def notices(self, user_id: str) -> tuple[NoticeInfo, ...]:
        """Return what the account's owner was told, newest first."""
        return tuple(self._core.store.read(lambda reader: of_account(reader, user_id)))

    async def invite(
        self, caller: Caller, *, name: str, display_name: str, email: str, role: str
    ) -> tuple[UserInfo, Link]:
        """Create an account without password, and a link (24 hours) to set one.

        Raises:
            InvalidInputError: a field cannot be taken.
            ConflictError: the name or the address is taken.
        """
        self._sessions.require_step_up(caller)
        fields = Fields(name, display_name, email, self._role(role))
        within(self._core, caller, fields.role)
        identity, now = random_id(), self._core.micros()

        def work(tx: Transaction) -> Link:
            insert(tx, identity, fields, now)
            target = ("user", identity)
            tx.record(caller.did(Event.USER_CREATE, target=target, name=fields.name))
            tx.record(caller.did(Event.USER_INVITE, target=target, role=fields.role))
            return make(tx, Purpose.INVITE, identity, now)

        link = await self._core.store.write(work)
        return self.get(identity), link

    async def invite_again(self, caller: Caller, user_id: str) -> Link:
        """Return a new link; the old one is dead.

        Raises:
            ConflictError: the account has, or had, a password.
            DeniedError: see `within`; also of `invite` and `set_role`.
        """
        self._sessions.require_step_up(caller)
        now = self._core.micros()

        def work(tx: Transaction) -> Link:
            user = existing(tx, user_id)
            within(self._core, caller, user.role)
            if user.password is not None or user.last_login or not user.active:
                message = "the invitation was accepted, or the account is disabled"
                raise ConflictError(message, fix="reset the password instead")
            tx.record(
                caller.did(Event.USER_INVITE, target=("user", user_id), role=user.role)
            )
            return make(tx, Purpose.INVITE, user_id, now)

        return await self._core.store.write(work)

    async def update(self, caller: Caller, user_id: str, *, display_name: str) -> None:
        """Change the shown name."""
        self._sessions.require_nothing_owed(caller)
        shown = shown_name(display_name)

        def work(tx: Transaction) -> Effect:
            existing(tx, user_id)
            tx.execute(
                "UPDATE users SET display_name = ? WHERE id = ?", (shown, user_id)
            )
            tx.record(caller.did(Event.USER_UPDATE, target=("user", user_id)))
            return Effect(existing(tx, user_id))

        await self._core.store.write(work, self._effects.apply)

    async def change_email(self, caller: Caller, user_id: str, email: str) -> None:
        """Change the address.

        Raises:
            ConflictError: another account has it.
        """
        self._sessions.require_step_up(caller)
        address = canonical_email(email)

        def work(tx: Transaction) -> Effect:
            user = existing(tx, user_id)
            check_email_free(tx, address, user_id)
            tx.execute("UPDATE users SET email = ? WHERE id = ?", (address, user_id))
            links.end_all(tx, user_id)  # whoever reads the old mailbox may not be them
            tx.record(caller.did(Event.USER_MAIL_CHANGE, target=("user", user_id)))
            kind = Notice.EMAIL_CHANGED
            tell(tx, self._core, user, kind, caller, also_to=address)
            return Effect(existing(tx, user_id))

        await self._core.store.write(work, self._effects.apply)

    async def set_role(self, caller: Caller, user_id: str, role: str) -> None:
        """Change the role; in force with the next request.

        Raises:
            LastAdminError: the last administrator would be none any more.
        """
        self._sessions.require_step_up(caller)
        wanted = self._role(role)
        within(self._core, caller, wanted)

        def work(tx: Transaction) -> Effect:
            user = existing(tx, user_id)
            within(self._core, caller, user.role)
            if user.role == wanted:
                return Effect()
            if wanted != ADMIN and is_last_admin(tx, user):
                raise LastAdminError
            tx.execute("UPDATE users SET role = ? WHERE id = ?", (wanted, user_id))
            record = caller.did(
                Event.USER_ROLE_CHANGE,
                target=("user", user_id),
                was=user.role,
                becomes=wanted,
            )
            tx.record(record)
            fresh = existing(tx, user_id)
            return Effect(fresh, owes=reconsider(self._core, tx, fresh))

        await self._core.store.write(work, self._effects.apply)

    async def disable(self, caller: Caller, user_id: str) -> None:
        """Let the account in no more; its logins end, its keys sleep.

        Raises:
            LastAdminError, DeniedError: see `protect`.
        """
        self._sessions.require_step_up(caller)

        def work(tx: Transaction) -> Effect:
            user = existing(tx, user_id)
            protect(tx, caller, user)
            tx.execute("UPDATE users SET active = 0 WHERE id = ?", (user_id,))
            tx.execute("DELETE FROM pending_logins WHERE user_id = ?", (user_id,))
            links.end_all(tx, user_id)
            tx.record(caller.did(Event.USER_DISABLE, target=("user", user_id)))
            ended = revoke_logins(tx, caller, user_id, reason="disabled")
            return Effect(existing(tx, user_id), logins=ended)

        await self._core.store.write(work, self._effects.apply)

    async def enable(self, caller: Caller, user_id: str) -> None:
        """Let the account in again."""
        self._sessions.require_step_up(caller)

        def work(tx: Transaction) -> Effect:
            existing(tx, user_id)
            tx.execute("UPDATE users SET active = 1 WHERE id = ?", (user_id,))
            tx.record(caller.did(Event.USER_ENABLE, target=("user", user_id)))
            return Effect(existing(tx, user_id))

        await self._core.store.write(work, self._effects.apply)

    async def delete(self, caller: Caller, user_id: str) -> None:
        """Remove the account with all that is its own.

        Raises:
            LastAdminError, DeniedError: see `protect`.
        """
        self._sessions.require_step_up(caller)

        def work(tx: Transaction) -> Effect:
            user = existing(tx, user_id)
            protect(tx, caller, user)
            effect = end_all(tx, caller, user_id, "deleted")
            tx.execute("DELETE FROM users WHERE id = ?", (user_id,))
            tx.record(
                caller.did(Event.USER_DELETE, target=("user", user_id), name=user.name)
            )
            return effect

        await self._core.store.write(work, self._effects.apply)

    def _role(self, role: str) -> str:
        if role not in self._core.roles:
            message = "there is no such role"
            fix = "one of " + ", ".join(sorted(self._core.roles))
            raise InvalidInputError(message, field="role", fix=fix)
        return role
