"""Passwords by link and by their owner: first admin, invitation, reset, change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts import lists
from auth_agent.accounts.duties import owed
from auth_agent.accounts.ending import Effect, end_all, existing, within
from auth_agent.accounts.fields import Fields, insert
from auth_agent.accounts.links import (
    Link,
    Purpose,
    make,
    owner,
    purpose_of,
    take,
)
from auth_agent.accounts.mailing import MailedResets
from auth_agent.accounts.notices import Notice, tell
from auth_agent.accounts.rows import ADMIN, any_admin, by_id, is_last_admin
from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.authn import devices, recovery
from auth_agent.authn import password as first
from auth_agent.authn.steps import LoginStep, caller_of, rekey
from auth_agent.callers import Caller
from auth_agent.errors import (
    BusyError,
    ConflictError,
    DeniedError,
    LastAdminError,
    LinkRefusedError,
    LoginExpiredError,
    PasswordRefusedError,
)
from auth_agent.ids import random_id
from auth_agent.regulation import counters, gate
from auth_agent.sessions import rows
from auth_agent.sessions.model import Owes
from auth_agent.sessions.service import revoke_logins

if TYPE_CHECKING:
    from auth_agent.accounts.lists import UserInfo
    from auth_agent.callers import Client
    from auth_agent.sessions.rows import Rekeyed
    from auth_agent.storage.store import Transaction


class Onboarding(MailedResets):
    """How accounts come to their passwords. Nobody chooses one for somebody else."""

    async def first_admin_link(self, caller: Caller) -> Link:
        """Return a link (15 minutes) by which the first administrator is made.

        Raises:
            ConflictError: there is an administrator.
            DeniedError: asked for by anybody but the operator on the host.
        """
        if caller.actor.kind is not ActorKind.CLI:
            reason = "not_on_host"
            raise DeniedError(reason)
        now = self._core.micros()

        def work(tx: Transaction) -> Link:
            if any_admin(tx):
                message = "there is an administrator already"
                raise ConflictError(message, fix="have them invite you")
            tx.record(caller.did(Event.USER_INVITE, reason="first_admin", role=ADMIN))
            return make(tx, Purpose.FIRST_ADMIN, None, now)

        return await self._core.store.write(work)

    async def first_admin(  # noqa: PLR0913 - the fields of the form
        self,
        token: str,
        *,
        name: str,
        display_name: str,
        email: str,
        password: str,
        client: Client,
    ) -> UserInfo:
        """Create the first administrator.

        Raises:
            LinkRefusedError: the link is no good, or there is an administrator.
            InvalidInputError, PasswordRefusedError: a field cannot be taken.
        """
        core, now = self._core, self._core.micros()
        self._peek(token, Purpose.FIRST_ADMIN)
        fields = Fields(name, display_name, email, ADMIN)
        form = self._acceptable(password, ADMIN, fields.name, fields.display_name)
        stored = await core.hashing.hash(form)
        identity = random_id()
        caller = Caller.anonymous(client)

        def work(tx: Transaction) -> None:
            take(tx, token, Purpose.FIRST_ADMIN, now)
            if any_admin(tx):
                raise LinkRefusedError
            insert(tx, identity, fields, now)
            self._set(tx, identity, stored, form, now)
            tx.record(
                caller.did(
                    Event.USER_CREATE,
                    target=("user", identity),
                    reason="first_admin",
                    name=fields.name,
                )
            )

        await core.store.write(work)
        found = core.store.read(lambda reader: lists.one(reader, identity, now))
        if found is None:  # deleted in between, by somebody who could
            raise LinkRefusedError
        return found

    def link_owner(self, token: str) -> tuple[str, UserInfo | None] | None:
        """Return a live link's purpose (`invite`, `reset`, `first-admin`) and owner."""
        core, now = self._core, self._core.micros()
        purpose = core.store.read(lambda reader: purpose_of(reader, token, now))
        if purpose is None:
            return None
        user_id = core.store.read(lambda reader: owner(reader, token, purpose, now))
        found = core.store.read(lambda reader: lists.one(reader, user_id or "", now))
        return str(purpose), found

    async def accept_invite(self, token: str, password: str, client: Client) -> None:
        """Set the first password; logging in comes after.

        Raises:
            LinkRefusedError, PasswordRefusedError: as they say.
        """
        await self._by_link(token, Purpose.INVITE, password, client)

    async def finish_reset(self, token: str, password: str, client: Client) -> None:
        """Set the new password; the second factor is still asked for at login.

        Raises:
            LinkRefusedError, PasswordRefusedError: as they say.
        """
        await self._by_link(token, Purpose.RESET, password, client)

    async def reset(self, caller: Caller, user_id: str) -> Link:
        """Return a link (10 minutes) to set a new password; the old one is dead.

        Logins and API keys of the account end. Second factors stay.

        Raises:
            LastAdminError: it would lock the last administrator out.
            DeniedError: see `within`.
        """
        return await self._start_reset(caller, user_id, factors=False)

    async def recover(self, caller: Caller, user_id: str) -> Link:
        """As `reset`, and second factors are taken off, to be enrolled anew."""
        return await self._start_reset(caller, user_id, factors=True)

    async def change_password(
        self, caller: Caller, current: str, new: str
    ) -> LoginStep:
        """Change one's own password; other logins end, this one gets a new token.

        Needs step-up unless the login owes this.

        Raises:
            LoginRefusedError: the current password is wrong.
            PasswordRefusedError: the new one cannot be taken.
        """
        core, login = self._core, caller.login
        if login is None:
            raise LoginExpiredError
        if login.owes != Owes.CHANGE_PASSWORD:
            self._sessions.require_step_up(caller)
        user = core.store.read(lambda reader: by_id(reader, caller.actor.id))
        if user is None:
            raise LoginExpiredError
        checked = await first.check_own(core, user, current, caller.client)
        try:
            form = self._different(checked, new)
            stored = await core.hashing.hash(form)
        except (PasswordRefusedError, BusyError):
            await gate.give_back(core, checked.tried)
            raise
        now = core.micros()

        def work(tx: Transaction) -> Rekeyed | None:
            if first.settle(tx, core, checked).refused:
                return None
            self._set(tx, user.id, stored, form, now)
            tx.execute("DELETE FROM pending_logins WHERE user_id = ?", (user.id,))
            target = ("user", user.id)
            tx.record(caller.did(Event.PASSWORD_CHANGE, target=target))
            tell(tx, core, user, Notice.PASSWORD_CHANGED, caller)
            reason = "password_changed"
            ended = revoke_logins(tx, caller, user.id, keep=login.id, reason=reason)
            duty = owed(core, tx, existing(tx, user.id))
            return rows.rekey(
                tx, login.id, methods=login.methods, owes=duty, ended=ended
            )

        return await rekey(core, self._sessions, work)

    async def _start_reset(
        self, caller: Caller, user_id: str, *, factors: bool
    ) -> Link:
        self._sessions.require_step_up(caller)
        now = self._core.micros()
        made: list[Link] = []

        def work(tx: Transaction) -> Effect:
            user = existing(tx, user_id)
            within(self._core, caller, user.role)
            on_host = caller.actor.kind is ActorKind.CLI
            if is_last_admin(tx, user) and not on_host:
                raise LastAdminError
            reason = "recovered" if factors else "reset"
            tx.execute("UPDATE users SET password = NULL WHERE id = ?", (user_id,))
            tx.record(
                caller.did(
                    Event.PASSWORD_RESET_REQUEST,
                    target=("user", user_id),
                    reason=reason,
                )
            )
            tell(tx, self._core, user, Notice.RESET_STARTED, caller)
            if factors and take_factors_off(tx, caller, user_id):
                tell(tx, self._core, user, Notice.FACTOR_REMOVED, caller)
            made.append(make(tx, Purpose.RESET, user_id, now))
            return end_all(tx, caller, user_id, reason)

        await self._core.store.write(work, self._effects.apply)
        return made[0]

    async def _by_link(
        self, token: str, purpose: Purpose, password: str, client: Client
    ) -> None:
        core = self._core
        invite = purpose is Purpose.INVITE
        failed = Event.USER_INVITE_ACCEPT if invite else Event.PASSWORD_RESET_FAIL
        try:
            user = self._peek(token, purpose)
        except LinkRefusedError:
            record = Caller.anonymous(client).did(
                failed, Outcome.FAILURE, reason="bad_link"
            )
            core.notes.note(record, client.ip)
            raise
        if user is None:
            raise LinkRefusedError
        form = self._acceptable(
            password, user.role, user.name, user.display_name, user.email
        )
        stored = await core.hashing.hash(form)
        now, caller = core.micros(), caller_of(user, client)

        def work(tx: Transaction) -> Effect:
            take(tx, token, purpose, now)
            self._set(tx, user.id, stored, form, now)
            counters.clear_account(tx, user.id)
            target = ("user", user.id)
            if invite:
                tx.record(caller.did(Event.USER_INVITE_ACCEPT, target=target))
                return Effect()
            devices.forget_all(tx, user.id)
            tx.record(caller.did(Event.PASSWORD_RESET_DONE, target=target))
            tell(tx, core, user, Notice.PASSWORD_SET, caller)
            return end_all(tx, caller, user.id, "reset")

        await core.store.write(work, self._effects.apply)

    def _different(self, checked: first.Checked, new: str) -> str:
        user = checked.user
        form = self._acceptable(
            new, user.role, user.name, user.display_name, user.email
        )
        if form == checked.form:
            message = "the new password is the old one"
            raise PasswordRefusedError(message, reason="same", fix="choose another one")
        return form


def take_factors_off(tx: Transaction, caller: Caller, user_id: str) -> bool:
    """Remove an account's second factors because its owner lost them."""
    recovery.remove(tx, user_id)
    tx.execute("DELETE FROM totp_offers WHERE user_id = ?", (user_id,))
    if not tx.execute("DELETE FROM totp WHERE user_id = ?", (user_id,)):
        return False
    tx.record(
        caller.did(Event.TOTP_REMOVE, target=("user", user_id), reason="recovered")
    )
    return True
