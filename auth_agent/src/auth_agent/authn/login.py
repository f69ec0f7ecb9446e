"""The login as a state machine on the server.

    nothing --password--> login            (no second factor enrolled)
    nothing --password--> pending --totp or recovery code--> login

A state is a row of the store, found by the hash of the browser's cookie; a step
takes its row away in the transaction that makes the next. Input that is not what a
state waits for changes nothing but the counters of failures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts import passwords
from auth_agent.accounts.duties import has_totp, owed
from auth_agent.accounts.rows import by_id, number
from auth_agent.audit.events import Event
from auth_agent.authn import password as first
from auth_agent.authn import second
from auth_agent.authn.steps import Done, LoginStep, caller_of, finish, rekey
from auth_agent.callers import Caller
from auth_agent.errors import LoginExpiredError, LoginRefusedError
from auth_agent.ids import random_token, token_hash
from auth_agent.sessions import rows

if TYPE_CHECKING:
    from auth_agent.accounts.rows import User
    from auth_agent.authn.second import Use
    from auth_agent.callers import Client
    from auth_agent.core import Core
    from auth_agent.sessions.model import Login
    from auth_agent.sessions.rows import Rekeyed
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Transaction

PENDING_MICROS = 300 * 1_000_000
"""How long the second factor is waited for."""


class LoginService:
    """See each step.

    All of them raise LoginRefusedError for whatever is wrong, ThrottledError,
    LoginExpiredError, BusyError, ClockRefusedError, StoreUnavailableError.
    """

    def __init__(self, core: Core, sessions: SessionService) -> None:
        self._core = core
        self._sessions = sessions

    async def start(self, name: str, password: str, client: Client) -> LoginStep:
        """Check the password of the account with that name or address."""
        core = self._core
        core.check_clock()
        checked = await first.check(core, name, password, client)
        breached = passwords.common(checked.form)
        transaction = random_token()

        def work(tx: Transaction) -> Done | LoginStep | None:
            weighed = first.settle(tx, core, checked)
            if weighed.refused:
                return None
            user = weighed.user
            if breached:
                user = _must_change(tx, user, checked.caller)
            if has_totp(tx, user.id):
                self._wait(tx, user, transaction, weighed.failures)
                return LoginStep(transaction, methods=("totp", "recovery"))
            return finish(tx, core, user, "password", client, failures=weighed.failures)

        done = await core.store.write(work, self._adopt)
        if done is None:
            core.metrics.count("login_failures_total", reason="locked")
            raise LoginRefusedError
        await first.refresh(core, checked)
        return self._opened(done) if isinstance(done, Done) else done

    async def totp(self, transaction: str, code: str, client: Client) -> LoginStep:
        """Finish with a code of the authenticator app."""
        user = self._waiting(transaction)
        tried = await second.begin(self._core, user, client)
        caller = caller_of(user, client)
        use = await second.check_totp(self._core, user, code, tried, caller)
        return await self._finish(transaction, user, "password,totp", use, client)

    async def recovery(self, transaction: str, code: str, client: Client) -> LoginStep:
        """Finish with a recovery code, which is used up."""
        user = self._waiting(transaction)
        tried = await second.begin(self._core, user, client)
        caller = caller_of(user, client)
        use = await second.check_recovery(self._core, user, code, tried, caller)
        return await self._finish(transaction, user, "password,recovery", use, client)

    async def step_up(
        self, login: Login, password: str, code: str, client: Client
    ) -> LoginStep:
        """Authenticate anew; the login gets a new token, its sites keep theirs.

        *code* is of the authenticator app, and empty without one.
        """
        core = self._core
        core.check_clock()
        user = core.store.read(lambda reader: by_id(reader, login.account.id))
        if user is None:
            raise LoginExpiredError
        checked = await first.check_own(core, user, password, client)
        use: Use | None = None
        if core.store.read(lambda reader: has_totp(reader, user.id)):
            tried = await second.begin(core, user, client)
            use = await second.check_totp(core, user, code, tried, checked.caller)

        def work(tx: Transaction) -> Rekeyed | None:
            if first.settle(tx, core, checked).refused or (use and use(tx) is None):
                return None
            methods = "password,totp" if use else "password"
            done = rows.rekey(
                tx,
                login.id,
                methods=methods,
                owes=owed(core, tx, checked.user),
                stepped_up=core.micros(),
            )
            tx.record(
                Caller.of(login, client).did(
                    Event.ACCESS_STEP_UP_DONE,
                    target=("login", login.id),
                    methods=methods,
                )
            )
            return done

        return await rekey(core, self._sessions, work)

    async def logout(self, login: Login, client: Client) -> None:
        """End the login and with it all its site sessions."""
        await self._sessions.end(login, client)

    async def sweep(self) -> None:
        """Forget logins that waited too long for their second factor."""
        now = self._core.micros()
        await self._core.store.write(
            lambda tx: tx.execute(
                "DELETE FROM pending_logins WHERE expires <= ?", (now,)
            )
        )

    async def _finish(
        self,
        transaction: str,
        user: User,
        methods: str,
        use: Use,
        client: Client,
    ) -> LoginStep:
        core = self._core

        def work(tx: Transaction) -> Done | None:
            ended = use(tx)
            if ended is None:
                return None
            fresh = by_id(tx, user.id)
            gone = tx.one(
                "DELETE FROM pending_logins WHERE hash = ? AND user_id = ?"
                " AND expires > ? RETURNING failures",
                (token_hash(transaction), user.id, core.micros()),
            )
            if gone is None or fresh is None or not fresh.active:
                raise LoginExpiredError
            failures = ended + number(gone[0])
            return finish(tx, core, fresh, methods, client, failures=failures)

        done = await core.store.write(work, self._adopt)
        if done is None:
            core.metrics.count("login_failures_total", reason="wrong_code")
            raise LoginRefusedError
        return self._opened(done)

    def _waiting(self, transaction: str) -> User:
        """Return whose login waits for a second factor under that cookie."""
        core = self._core
        core.check_clock()
        row = core.store.read(
            lambda reader: reader.one(
                "SELECT user_id FROM pending_logins WHERE hash = ? AND expires > ?",
                (token_hash(transaction), core.micros()),
            )
        )
        user = (
            core.store.read(lambda reader: by_id(reader, str(row[0]))) if row else None
        )
        if user is None or not user.active:
            raise LoginExpiredError
        return user

    def _wait(
        self, tx: Transaction, user: User, transaction: str, failures: int
    ) -> None:
        now = self._core.micros()
        tx.execute(
            "INSERT INTO pending_logins (hash, user_id, created, expires, failures)"
            " VALUES (?, ?, ?, ?, ?)",
            (token_hash(transaction), user.id, now, now + PENDING_MICROS, failures),
        )

    def _adopt(self, done: Done | LoginStep | None) -> None:
        if isinstance(done, Done):
            self._sessions.live.adopt(done.new)

    def _opened(self, done: Done) -> LoginStep:
        self._core.metrics.count("logins_total", methods=done.new.methods)
        login = self._sessions.live.by_id.get(done.new.id)
        return LoginStep(token=done.new.token, device=done.device, login=login)


def _must_change(tx: Transaction, user: User, caller: Caller) -> User:
    """Have a password that came onto the block list changed first."""
    if user.must_change_password:
        return user
    tx.execute("UPDATE users SET must_change_password = 1 WHERE id = ?", (user.id,))
    tx.record(caller.did(Event.PASSWORD_BREACHED_FOUND, target=("user", user.id)))
    return by_id(tx, user.id) or user
