"""Second factors of one's own account: enrolled, confirmed, taken off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth_agent.accounts.duties import has_totp, owed
from auth_agent.accounts.ending import existing
from auth_agent.accounts.notices import Notice, tell
from auth_agent.audit.events import Event
from auth_agent.authn import recovery, second, totp
from auth_agent.authn.steps import LoginStep, rekey
from auth_agent.errors import (
    BusyError,
    ConflictError,
    DeniedError,
    LoginExpiredError,
    OwingError,
)
from auth_agent.regulation import counters, gate
from auth_agent.sessions import rows
from auth_agent.sessions.model import Login, Owes
from auth_agent.sessions.service import revoke_logins

if TYPE_CHECKING:
    from auth_agent.callers import Caller
    from auth_agent.core import Core
    from auth_agent.sessions.rows import Rekeyed
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Reader, Transaction

OFFER_MICROS = 600 * 1_000_000
"""How long a secret that is shown can be confirmed."""


@dataclass(frozen=True)
class Enrolment:
    """A TOTP secret that is not confirmed yet; shown once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class FactorService:
    """Needs step-up, unless the login owes enrolment."""

    def __init__(self, core: Core, sessions: SessionService) -> None:
        self._core = core
        self._sessions = sessions

    async def begin_totp(self, caller: Caller) -> Enrolment:
        """Return a new secret for the authenticator app (10 minutes)."""
        core, login = self._core, self._may_enrol(caller)
        user_id, secret = login.account.id, totp.new_secret()
        key_id, sealed = core.sealing.seal(user_id, secret.encode())
        expires = core.micros() + OFFER_MICROS

        def work(tx: Transaction) -> None:
            existing(tx, user_id)
            tx.execute("DELETE FROM totp_offers WHERE user_id = ?", (user_id,))
            tx.execute(
                "INSERT INTO totp_offers (user_id, key_id, sealed, expires)"
                " VALUES (?, ?, ?, ?)",
                (user_id, key_id, sealed, expires),
            )

        await core.store.write(work)
        issuer = f"{core.config.login.title} {core.config.login.host}".replace(":", " ")
        return Enrolment(
            secret, totp.uri(secret, name=login.account.name, issuer=issuer)
        )

    async def confirm_totp(
        self, caller: Caller, code: str
    ) -> tuple[LoginStep, tuple[str, ...]]:
        """Turn it on with a right code; return a new token and recovery codes.

        The account's other logins end.

        Raises:
            BusyError: too many hashes at once; the try is given back.
            LoginExpiredError: nothing is waiting to be confirmed.
            LoginRefusedError: the code is wrong.
        """
        core, login = self._core, self._may_enrol(caller)
        user_id = login.account.id
        secret = core.store.read(lambda reader: self._offered(reader, user_id))
        user = core.store.read(lambda reader: existing(reader, user_id))
        tried = await second.begin(core, user, caller.client)
        now = totp.counter_now(core)
        counter = totp.matching_counter(secret, code, now)
        codes, salt = recovery.new_codes(), recovery.new_salt()
        hashes: tuple[bytes, ...] = ()
        if counter is not None:
            try:
                hashes = await recovery.derive_all(core.hashing, codes, salt)
            except BusyError:
                await gate.give_back(core, tried)
                raise

        def work(tx: Transaction) -> Rekeyed | None:
            locked = counters.locked(tx, tried.subject, core.micros())
            if counter is None or tried.locked or locked:
                second.refuse(tx, core, tried, caller, Event.TOTP_FAIL)
                return None
            if self._offered(tx, user_id) != secret:
                raise LoginExpiredError
            counters.succeeded(tx, tried)
            self._turn_on(tx, user_id, counter)
            recovery.store(tx, user_id, salt, hashes, core.micros())
            target = ("user", user_id)
            tx.record(caller.did(Event.TOTP_ADD, target=target))
            tx.record(
                caller.did(Event.RECOVERY_GENERATE, target=target, codes=len(codes))
            )
            tell(tx, core, user, Notice.FACTOR_ADDED, caller)
            return self._others_end(tx, caller, login, "password,totp")

        step = await rekey(self._core, self._sessions, work)
        return step, codes

    async def remove_totp(self, caller: Caller) -> LoginStep:
        """Turn it off, recovery codes with it; the account's other logins end.

        Raises:
            DeniedError: the account's role must have a second factor.
            ConflictError: there is none.
        """
        login = self._own(caller)
        self._sessions.require_step_up(caller)
        user_id = login.account.id

        def work(tx: Transaction) -> Rekeyed:
            user = existing(tx, user_id)
            if self._core.needs_second_factor(user.role):
                reason = "second_factor_required"
                raise DeniedError(reason, "your role must have a second factor")
            if not tx.execute("DELETE FROM totp WHERE user_id = ?", (user_id,)):
                raise ConflictError(_NONE, fix="")
            recovery.remove(tx, user_id)
            tx.record(caller.did(Event.TOTP_REMOVE, target=("user", user_id)))
            tell(tx, self._core, user, Notice.FACTOR_REMOVED, caller)
            return self._others_end(tx, caller, login, "password")

        return await rekey(self._core, self._sessions, work)

    async def new_recovery_codes(self, caller: Caller) -> tuple[str, ...]:
        """Return 10 new codes, shown once; the old ones are dead.

        Raises:
            ConflictError: there is no second factor to recover.
        """
        login = self._own(caller)
        self._sessions.require_step_up(caller)
        core, user_id = self._core, login.account.id
        codes, salt = recovery.new_codes(), recovery.new_salt()
        hashes = await recovery.derive_all(core.hashing, codes, salt)

        def work(tx: Transaction) -> None:
            if not has_totp(tx, user_id):
                raise ConflictError(_NONE, fix="enrol an authenticator app first")
            recovery.store(tx, user_id, salt, hashes, core.micros())
            tx.record(
                caller.did(
                    Event.RECOVERY_GENERATE, target=("user", user_id), codes=len(codes)
                )
            )
            user = existing(tx, user_id)
            tell(tx, core, user, Notice.CODES_MADE, caller)

        await core.store.write(work)
        return codes

    async def sweep(self) -> None:
        """Forget secrets that nobody confirmed."""
        now = self._core.micros()
        await self._core.store.write(
            lambda tx: tx.execute("DELETE FROM totp_offers WHERE expires <= ?", (now,))
        )

    def _turn_on(self, tx: Transaction, user_id: str, counter: int) -> None:
        """Make the offered secret the account's own; its first code is used up."""
        tx.execute("DELETE FROM totp WHERE user_id = ?", (user_id,))
        tx.execute(
            "INSERT INTO totp (user_id, key_id, sealed, last_counter, created)"
            " SELECT user_id, key_id, sealed, ?, ? FROM totp_offers WHERE user_id = ?",
            (counter, self._core.micros(), user_id),
        )
        tx.execute("DELETE FROM totp_offers WHERE user_id = ?", (user_id,))

    def _others_end(
        self, tx: Transaction, caller: Caller, login: Login, methods: str
    ) -> Rekeyed:
        user_id = login.account.id
        tx.execute("DELETE FROM pending_logins WHERE user_id = ?", (user_id,))
        reason = "factor_changed"
        ended = revoke_logins(tx, caller, user_id, keep=login.id, reason=reason)
        duty = owed(self._core, tx, existing(tx, user_id))
        return rows.rekey(tx, login.id, methods=methods, owes=duty, ended=ended)

    def _offered(self, reader: Reader, user_id: str) -> str:
        row = reader.one(
            "SELECT key_id, sealed FROM totp_offers WHERE user_id = ? AND expires > ?",
            (user_id, self._core.micros()),
        )
        if row is None or not isinstance(row[1], bytes):
            raise LoginExpiredError
        return self._core.sealing.open(user_id, str(row[0]), row[1]).decode()

    def _own(self, caller: Caller) -> Login:
        if caller.login is None:
            reason = "no_login"
            raise DeniedError(reason)
        return caller.login

    def _may_enrol(self, caller: Caller) -> Login:
        login = self._own(caller)
        if login.owes == Owes.CHANGE_PASSWORD:
            raise OwingError(login.owes)
        if login.owes != Owes.ENROL:
            self._sessions.require_step_up(caller)
        return login


_NONE = "the account has no second factor"
