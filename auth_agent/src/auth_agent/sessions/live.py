"""Live logins in memory: what the gate reads on every request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from auth_agent.ids import token_hash
from auth_agent.sessions.model import Account, Login, SiteSession, login_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from auth_agent.core import Core
    from auth_agent.sessions.rows import NewLogin, Rekeyed
    from auth_agent.storage.store import Reader

    # As the schema has the columns.
    _LoginRow = tuple[
        str,
        str,
        str,
        str | None,
        str,
        int,
        str,
        bytes,
        int,
        int,
        int,
        str,
        str,
        int,
    ]
    _SiteRow = tuple[bytes, str, str]

_LOAD = (
    "SELECT u.id, u.name, u.display_name, u.email, u.role, u.active,"
    " l.id, l.hash, l.expires, l.seen, l.stepped_up, l.methods, l.owes, l.stale"
    " FROM logins l JOIN users u ON u.id = l.user_id"
    " WHERE l.expires > ? AND l.seen > ?"
)
_LOAD_SITES = "SELECT hash, login_id, host FROM site_sessions"


class Live:
    """Every login that holds, by its hash; and every site session, by its own.

    A session is good when `session.host` is the request's host, `login.owes` is
    empty, the account is active, and the monotonic time is below both
    `login.deadline` and `login.seen + idle`. A good one is touched: `login.seen =
    now`, `login.dirty = True`.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.by_hash: dict[bytes, SiteSession] = {}
        self.by_login_hash: dict[bytes, Login] = {}
        self.by_id: dict[str, Login] = {}
        self.idle = float(core.config.login.idle)
        """Seconds without a request after which a login ends."""
        self._listeners: list[Callable[[Iterable[SiteSession]], None]] = []

    def on_end(self, listener: Callable[[Iterable[SiteSession]], None]) -> None:
        """Have *listener* told, on the loop, which site sessions have ended."""
        self._listeners.append(listener)

    def load(self) -> None:
        """Read the logins that still hold from the store."""
        self._core.store.read(self._load)

    def _load(self, reader: Reader) -> None:
        now, monotonic = self._core.micros(), self._core.clock.monotonic()
        people = self._core.people

        def seconds(micros: int) -> float:
            return monotonic + (micros - now) / 1e6

        least = now - round(self.idle * 1e6)
        for (
            user_id,
            name,
            shown,
            email,
            role,
            active,
            identity,
            hash_,
            expires,
            seen,
            stepped_up,
            methods,
            owes,
            stale,
        ) in cast("Iterator[_LoginRow]", reader.each(_LOAD, (now, least))):
            account = people.get(user_id) or people.take_in(
                Account(
                    user_id,
                    name,
                    shown,
                    email or "",
                    sys.intern(role),
                    people.permissions(role),
                    bool(active),
                )
            )
            login = Login(
                identity,
                hash_,
                account,
                seconds(expires),
                seconds(seen),
                seconds(stepped_up),
                sys.intern(methods),
                sys.intern(owes),
                [],
                stale=bool(stale),
            )
            self._add(login)
        sites = cast("Iterator[_SiteRow]", reader.each(_LOAD_SITES))
        for hash_, login_id, host in sites:
            if (known := self.by_id.get(login_id)) is not None:
                self.add_site(hash_, known, host)

    def adopt(self, new: NewLogin) -> Login:
        """Take in a login that was just opened."""
        self.drop(new.ended)
        now = self._core.clock.monotonic()
        login = Login(
            new.id,
            token_hash(new.token),
            self._core.people.account(new.user),
            self._seconds(new.expires),
            now,
            now,
            new.methods,
            new.owes,
            [],
        )
        self._add(login)
        return login

    def rekeyed(self, done: Rekeyed) -> None:
        """Take over a login's new token; the old one opens nothing from here on."""
        self.drop(done.ended)
        login = self.by_id.get(done.id)
        if login is None:
            return
        self.by_login_hash.pop(login.hash, None)
        login.hash = token_hash(done.token)
        login.methods, login.owes, login.stale = done.methods, done.owes, False
        if done.stepped_up:
            login.stepped_up = self._core.clock.monotonic()
        login.headers = login_headers(login)
        self.by_login_hash[login.hash] = login

    def drop(self, ids: Iterable[str]) -> None:
        """Forget logins that have ended, with their site sessions."""
        ended: list[SiteSession] = []
        for login_id in ids:
            login = self.by_id.pop(login_id, None)
            if login is None:
                continue
            self.by_login_hash.pop(login.hash, None)
            for session in login.sites:
                del self.by_hash[session.hash]
                ended.append(session)
            login.sites = ()
            others = (one for one in login.account.logins if one is not login)
            login.account.logins = tuple(others)
            self._core.people.release(login.account)
        if ended:
            self._tell(ended)

    def end_sites(self, account: Account) -> None:
        """Forget the site sessions of an account; its logins go on."""
        ended = [one for login in account.logins for one in login.sites]
        for login in account.logins:
            login.sites = ()
        for session in ended:
            del self.by_hash[session.hash]
        if ended:
            self._tell(ended)

    def add_site(self, hash_: bytes, login: Login, host: str) -> None:
        """Take in a site session; it replaces the login's others at that host."""
        replaced = [one for one in login.sites if one.host == host]
        for old in replaced:
            del self.by_hash[old.hash]
        session = SiteSession(hash_, login, sys.intern(host))
        others = (one for one in login.sites if one.host != host)
        login.sites = (*others, session)
        self.by_hash[hash_] = session
        if replaced:
            self._tell(replaced)

    def holds(self, login: Login) -> bool:
        """Whether *login* is good now; if so it counts as used now."""
        now = self._core.clock.monotonic()
        if (
            now >= login.deadline
            or now >= login.seen + self.idle
            or not login.account.active
            or login.id not in self.by_id
        ):
            return False
        login.seen = now
        login.dirty = True
        return True

    def take_dirty(self) -> list[tuple[str, int]]:
        """Return (id, last seen in microseconds) of logins used since the last call."""
        found = []
        for login in self.by_id.values():
            if login.dirty:
                login.dirty = False
                found.append((login.id, self.micros(login.seen)))
        return found

    def micros(self, seconds: float) -> int:
        """Return the stored form of a monotonic time."""
        elapsed = self._core.clock.monotonic() - seconds
        return self._core.micros() - round(elapsed * 1e6)

    def _seconds(self, micros: int) -> float:
        left = (micros - self._core.micros()) / 1e6
        return self._core.clock.monotonic() + left

    def _add(self, login: Login) -> None:
        login.headers = login_headers(login)
        login.account.logins += (login,)
        self.by_id[login.id] = login
        self.by_login_hash[login.hash] = login

    def _tell(self, ended: list[SiteSession]) -> None:
        for listener in self._listeners:
            listener(ended)
