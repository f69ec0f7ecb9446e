"""Logins and site sessions: found, listed, named, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.callers import Caller
from auth_agent.errors import (
    InvalidInputError,
    LinkRefusedError,
    NotFoundError,
    OwingError,
    StepUpRequiredError,
)
from auth_agent.ids import random_token, token_hash
from auth_agent.sessions import rows
from auth_agent.sessions.handover import HandOver
from auth_agent.sessions.lists import SessionLists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from auth_agent.callers import Client
    from auth_agent.core import Core
    from auth_agent.sessions.model import Login, SiteSession
    from auth_agent.storage.store import Transaction

MAX_NAME = 40

_TRUSTED = frozenset({ActorKind.CLI, ActorKind.SYSTEM})


class SessionService(SessionLists):
    """See each method; `by_hash` is what the gate reads (`live.Live`)."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self.by_hash = self.live.by_hash
        self.step_up_seconds = float(core.config.login.step_up)
        """Seconds for which an authentication is fresh enough for anything."""
        self._codes = HandOver(core.clock)

    @property
    def idle(self) -> float:
        """Seconds without a request after which a login ends."""
        return self.live.idle

    @idle.setter
    def idle(self, seconds: float) -> None:
        self.live.idle = seconds

    def on_end(self, listener: Callable[[Iterable[SiteSession]], None]) -> None:
        """Have *listener* told, on the loop, which site sessions have ended."""
        self.live.on_end(listener)

    def resolve_site(self, token: str, host: str) -> SiteSession | None:
        """Return the live session of a site's cookie and touch it."""
        session = self.by_hash.get(token_hash(token))
        if session is None or session.host != host or session.login.owes:
            return None
        return session if self.live.holds(session.login) else None

    def resolve_login(self, token: str) -> Login | None:
        """Return the live login of the login host's cookie and touch it.

        It may owe something: see `Login.owes`.
        """
        login = self.live.by_login_hash.get(token_hash(token))
        return login if login is not None and self.live.holds(login) else None

    def stepped_up(self, login: Login) -> bool:
        """Whether the login authenticated within the last minutes."""
        age = self._core.clock.monotonic() - login.stepped_up
        return age < self.step_up_seconds

    def require_step_up(self, caller: Caller) -> None:
        """Let sensitive actions through only after a fresh authentication.

        The command line needs none: whoever is root can do everything anyway. A
        key has no way to it.

        Raises:
            StepUpRequiredError: it was too long ago; that is recorded.
            OwingError: the login must do something else first.
        """
        self.require_nothing_owed(caller)
        if caller.login is None and caller.actor.kind in _TRUSTED:
            return
        if caller.login is None or not self.stepped_up(caller.login):
            record = caller.did(Event.ACCESS_STEP_UP_REQUIRED, Outcome.DENIED)
            key = caller.login.id if caller.login else caller.actor.id
            self._core.notes.note(record, key)
            raise StepUpRequiredError

    def require_nothing_owed(self, caller: Caller) -> None:
        """Let a login that owes something do nothing.

        Raises:
            OwingError: it does.
        """
        if caller.login is not None and caller.login.owes:
            raise OwingError(caller.login.owes)

    def issue_code(self, login: Login, host: str, browser: bytes) -> str:
        """Return a single-use code (60 s) that opens a session at *host*.

        *browser* is the SHA-256 of the binding cookie that *host* had set.

        Raises:
            OwingError: the login must do something else first.
        """
        if login.owes:
            raise OwingError(login.owes)
        return self._codes.issue(login.id, host, browser)

    async def redeem_code(
        self, code: str, host: str, browser_token: str, client: Client
    ) -> str:
        """Return the token for the site's cookie.

        Raises:
            LinkRefusedError: the code is unknown, used, too old, or for another
                site or browser.
        """
        login_id, wrong = self._codes.redeem(code, host, browser_token)
        login = self.live.by_id.get(login_id)
        if wrong or login is None or login.owes or not self.live.holds(login):
            if login_id:
                record = Caller.anonymous(client).did(
                    Event.SESSION_REJECT_REPLAY,
                    Outcome.DENIED,
                    target=("login", login_id),
                    reason=wrong or "ended",
                )
                self._core.notes.note(record, f"{login_id}:{wrong}")
            raise LinkRefusedError
        return await self._open_site(login, host, client)

    async def _open_site(self, login: Login, host: str, client: Client) -> str:
        token, now = random_token(), self._core.micros()
        record = Caller.of(login, client).did(
            Event.SESSION_CREATE, target=("site_session", host)
        )

        def work(tx: Transaction) -> None:
            if tx.one("SELECT 1 FROM logins WHERE id = ?", (login.id,)) is None:
                raise LinkRefusedError
            tx.execute(
                "DELETE FROM site_sessions WHERE login_id = ? AND host = ?",
                (login.id, host),
            )
            tx.execute(
                "INSERT INTO site_sessions (hash, login_id, host, created)"
                " VALUES (?, ?, ?, ?)",
                (token_hash(token), login.id, host, now),
            )
            tx.record(record)

        def applied(_: None) -> None:
            if login.id in self.live.by_id:
                self.live.add_site(token_hash(token), login, host)

        await self._core.store.write(work, applied)
        return token

    async def renew(self, login: Login) -> str:
        """Return a new token for a stale login; nothing else about it changes.

        Of parallel requests one gets it; '' for the others, and if it is not stale.

        Raises:
            LoginExpiredError: it has ended meanwhile.
        """
        if not login.stale:
            return ""
        login.stale = False
        try:
            new = await self._core.store.write(
                lambda tx: rows.renew(tx, login.id), self.live.rekeyed
            )
        except BaseException:
            login.stale = True
            raise
        return new.token

    async def name(self, caller: Caller, login_id: str, name: str) -> None:
        """Name one of one's own logins.

        Raises:
            NotFoundError: it is not the caller's.
            InvalidInputError: the name cannot be shown.
        """
        self.require_nothing_owed(caller)
        shown = name.strip()
        if len(shown) > MAX_NAME or not shown.isprintable():
            message = "that name cannot be shown"
            fix = f"use up to {MAX_NAME} printable characters"
            raise InvalidInputError(message, field="name", fix=fix)

        def work(tx: Transaction) -> None:
            if not tx.execute(
                "UPDATE logins SET name = ? WHERE id = ? AND user_id = ?",
                (shown, login_id, caller.actor.id),
            ):
                raise NotFoundError(kind="session")

        await self._core.store.write(work)

    async def end(self, login: Login, client: Client) -> None:
        """End the login and with it all its site sessions: a logout."""
        record = Caller.of(login, client).did(
            Event.SESSION_END, target=("login", login.id), reason="logout"
        )

        def work(tx: Transaction) -> tuple[str, ...]:
            ended = rows.end_logins(tx, [login.id])
            if ended:
                tx.record(record)
            return ended

        await self._core.store.write(work, self.live.drop)

    async def revoke(self, caller: Caller, login_id: str) -> None:
        """End a login: one's own, or anybody's (the edge asks for sessions.revoke).

        Raises:
            NotFoundError: there is none.
        """
        self.require_nothing_owed(caller)

        def work(tx: Transaction) -> tuple[str, ...]:
            row = tx.one("SELECT user_id FROM logins WHERE id = ?", (login_id,))
            if row is None:
                raise NotFoundError(kind="session")
            tx.record(
                caller.did(
                    Event.SESSION_REVOKE_ONE,
                    target=("login", login_id),
                    user=str(row[0]),
                )
            )
            return rows.end_logins(tx, [login_id])

        await self._core.store.write(work, self.live.drop)

    async def revoke_others(self, caller: Caller) -> int:
        """End the caller's other logins; return how many."""
        self.require_nothing_owed(caller)
        keep = caller.login.id if caller.login else ""
        return await self._revoke_all(caller, caller.actor.id, keep)

    async def revoke_all(self, caller: Caller, user_id: str) -> int:
        """End every login of an account; return how many."""
        self.require_nothing_owed(caller)
        return await self._revoke_all(caller, user_id, "")

    async def _revoke_all(self, caller: Caller, user_id: str, keep: str) -> int:
        ended = await self._core.store.write(
            lambda tx: revoke_logins(tx, caller, user_id, keep=keep), self.live.drop
        )
        return len(ended)

    async def sweep(self) -> None:
        """End the logins whose time is over, write idle stamps, forget old codes."""
        self._codes.purge()
        stamps = self.live.take_dirty()
        now, idle = self._core.micros(), round(self.idle * 1e6)

        def work(tx: Transaction) -> tuple[str, ...]:
            for login_id, seen in stamps:
                tx.execute("UPDATE logins SET seen = ? WHERE id = ?", (seen, login_id))
            over = rows.expired(tx, now=now, idle=idle)
            for login_id, reason in over:
                tx.record(
                    Caller.system().did(
                        Event.SESSION_EXPIRE, target=("login", login_id), reason=reason
                    )
                )
            return rows.end_logins(tx, [login_id for login_id, _ in over])

        await self._core.store.write(work, self.live.drop)


def revoke_logins(
    tx: Transaction, caller: Caller, user_id: str, *, keep: str = "", reason: str = ""
) -> tuple[str, ...]:
    """End an account's logins but *keep*, and record it if there were any."""
    ended = rows.end_logins(tx, rows.logins_of(tx, user_id, but=keep))
    if ended:
        tx.record(
            caller.did(
                Event.SESSION_REVOKE_ALL,
                target=("user", user_id),
                reason=reason,
                ended=len(ended),
            )
        )
    return ended
