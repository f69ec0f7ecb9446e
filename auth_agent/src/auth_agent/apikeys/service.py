"""API keys: made, used, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts.notices import Notice, tell
from auth_agent.accounts.rows import by_id, number
from auth_agent.apikeys import limits, text
from auth_agent.apikeys.lists import KeyInfo, KeyLists
from auth_agent.apikeys.live import SELECT, LiveKeys
from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.record import Actor
from auth_agent.callers import Caller, Client
from auth_agent.errors import (
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
)
from auth_agent.ids import random_id, token_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auth_agent.core import Core
    from auth_agent.sessions.model import LiveKey
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Row, Transaction

MOST_PER_ACCOUNT = 50
MAX_NAME = 60
_DAY = 86_400_000_000


class KeyService(KeyLists):
    """A key never makes keys, steps up or opens the pages: it is no login."""

    def __init__(self, core: Core, sessions: SessionService) -> None:
        super().__init__(core)
        self._sessions = sessions
        self.live = LiveKeys(core)
        self.by_hash = self.live.by_hash

    def authenticate(
        self, key: str, *, ip: str, host: str, path: str
    ) -> LiveKey | None:
        """Return the live key if it may be used from there for that.

        Refusals are recorded (`apikey.use_denied`), summed up per minute; of keys
        that are none, only a counter is kept.
        """
        found = self.by_hash.get(token_hash(key))
        if found is None:
            self._core.metrics.count("api_key_unknown_total")
            return None
        reason = self.live.refusal(found, ip=ip, host=host, path=path)
        if not reason:
            found.used = True
            return found
        actor = Actor(ActorKind.API_KEY, found.id, found.name)
        record = Caller(actor, Client(ip=ip, host=host)).did(
            Event.APIKEY_USE_DENIED,
            Outcome.DENIED,
            target=("api_key", found.id),
            reason=reason,
        )
        self._core.notes.note(record, f"{found.id}:{reason}:{ip}")
        return None

    async def create(  # noqa: PLR0913 - the fields of the form
        self,
        caller: Caller,
        *,
        name: str,
        scopes: Sequence[str],
        days: int | None = None,
        networks: Sequence[str] = (),
        paths: Sequence[str] = (),
    ) -> tuple[KeyInfo, str]:
        """Return a new key and, once, its text. Needs step-up.

        *paths* are `host/prefix`.

        Raises:
            DeniedError: the caller is no login, or lacks one of the scopes.
            InvalidInputError: a field cannot be taken.
            ConflictError: the account has too many keys.
        """
        login = caller.login
        if login is None:
            reason = "no_login"
            raise DeniedError(reason)
        self._sessions.require_step_up(caller)
        name, lasts = self._name(name), self._days(days)
        networks, paths = limits.networks_of(networks), limits.paths_of(paths)
        scopes = tuple(sorted({str(scope) for scope in scopes}))
        self._check_scopes(scopes, login.account.permissions)
        key, identity, now = text.new_key(), random_id(), self._core.micros()
        owner = login.account.id

        def work(tx: Transaction) -> Row:
            self._check_owner(tx, owner, scopes)
            tx.execute(
                "INSERT INTO api_keys (id, hash, user_id, name, prefix, scopes,"
                " networks, paths, created, expires)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    identity,
                    token_hash(key),
                    owner,
                    name,
                    text.shown(key),
                    " ".join(scopes),
                    " ".join(networks),
                    " ".join(paths),
                    now,
                    now + lasts * _DAY,
                ),
            )
            tx.record(
                caller.did(
                    Event.APIKEY_CREATE,
                    target=("api_key", identity),
                    scopes=" ".join(scopes),
                    days=lasts,
                )
            )
            user = by_id(tx, owner)
            if user is not None:
                tell(tx, self._core, user, Notice.KEY_MADE, caller)
            return _row(tx, identity)

        await self._core.store.write(work, self.live.adopt)
        return self.get(identity), key

    async def rotate(self, caller: Caller, key_id: str) -> tuple[KeyInfo, str]:
        """Give one's own key a new text; the old one is dead. Needs step-up.

        Raises:
            NotFoundError: it is not the caller's, or has ended.
        """
        self._sessions.require_step_up(caller)
        key = text.new_key()

        def work(tx: Transaction) -> Row:
            if not tx.execute(
                "UPDATE api_keys SET hash = ?, prefix = ? WHERE id = ? AND user_id = ?"
                " AND expires > ?",
                (
                    token_hash(key),
                    text.shown(key),
                    key_id,
                    caller.actor.id,
                    self._core.micros(),
                ),
            ):
                raise NotFoundError(kind="API key")
            tx.record(caller.did(Event.APIKEY_ROTATE, target=("api_key", key_id)))
            return _row(tx, key_id)

        await self._core.store.write(work, self.live.adopt)
        return self.get(key_id), key

    async def revoke(
        self, caller: Caller, key_id: str, *, anybody: bool = False
    ) -> None:
        """End a key at once: one's own, or with *anybody* another account's.

        Raises:
            NotFoundError: there is none, or it is not the caller's.
        """
        self._sessions.require_nothing_owed(caller)

        def work(tx: Transaction) -> tuple[str, ...]:
            row = tx.one("SELECT user_id FROM api_keys WHERE id = ?", (key_id,))
            if row is None or not (anybody or row[0] == caller.actor.id):
                raise NotFoundError(kind="API key")
            tx.execute("DELETE FROM api_keys WHERE id = ?", (key_id,))
            tx.record(
                caller.did(
                    Event.APIKEY_REVOKE, target=("api_key", key_id), user=str(row[0])
                )
            )
            return (key_id,)

        await self._core.store.write(work, self.live.drop)

    async def report_leak(self, key: str, client: Client) -> bool:
        """Revoke a key that was found somewhere; whether there was one.

        The finder is to be answered alike in both cases.
        """
        caller = Caller.anonymous(client)
        hashed = token_hash(key)
        if not text.is_key(key) or not self.stored(hashed):
            return False  # a stranger's guess asks for no transaction

        def work(tx: Transaction) -> tuple[str, ...]:
            row = tx.one("SELECT id, user_id FROM api_keys WHERE hash = ?", (hashed,))
            if row is None:
                return ()
            tx.execute("DELETE FROM api_keys WHERE id = ?", (row[0],))
            target = ("api_key", str(row[0]))
            user = str(row[1])
            tx.record(caller.did(Event.APIKEY_LEAK_REPORT, target=target, user=user))
            tx.record(
                Caller.system().did(
                    Event.APIKEY_REVOKE, target=target, reason="leaked", user=user
                )
            )
            return (str(row[0]),)

        ended = await self._core.store.write(work, self.live.drop)
        return bool(ended)

    async def sweep(self) -> None:
        """Write when keys were used last; end those whose time is over."""
        now, used = self._core.micros(), self.live.take_used()

        def work(tx: Transaction) -> tuple[str, ...]:
            for key_id in used:
                tx.execute(
                    "UPDATE api_keys SET last_used = ? WHERE id = ?", (now, key_id)
                )
            over = tx.all("SELECT id FROM api_keys WHERE expires <= ?", (now,))
            ended = tuple(str(row[0]) for row in over)
            for key_id in ended:
                tx.execute("DELETE FROM api_keys WHERE id = ?", (key_id,))
                target = ("api_key", key_id)
                tx.record(Caller.system().did(Event.APIKEY_EXPIRE, target=target))
            return ended

        await self._core.store.write(work, self.live.drop)

    def _check_owner(self, tx: Transaction, owner: str, scopes: Sequence[str]) -> None:
        """Look again, inside the transaction, at what may have changed."""
        row = tx.one("SELECT role, active FROM users WHERE id = ?", (owner,))
        if row is None or not row[1]:
            raise NotFoundError(kind="account")
        self._check_scopes(scopes, self._core.people.permissions(str(row[0])))
        count = tx.one("SELECT count(*) FROM api_keys WHERE user_id = ?", (owner,))
        if count is not None and number(count[0]) >= MOST_PER_ACCOUNT:
            message = f"the account has {MOST_PER_ACCOUNT} keys already"
            raise ConflictError(message, fix="revoke those that nothing uses")

    def _check_scopes(self, scopes: Sequence[str], permissions: frozenset[str]) -> None:
        if not scopes:
            message = "a key needs at least one scope"
            raise InvalidInputError(message, field="scopes", fix="name a permission")
        if not set(scopes) <= permissions:
            reason = "scope_beyond_owner"
            raise DeniedError(reason, "a key may do no more than its owner")

    def _days(self, days: int | None) -> int:
        settings = self._core.config.api_keys
        wanted = settings.default_days if days is None else days
        if not 1 <= wanted <= settings.maximum_days:
            message = "that is no time for a key to live"
            fix = f"give 1 to {settings.maximum_days} days"
            raise InvalidInputError(message, field="days", fix=fix)
        return wanted

    def _name(self, name: str) -> str:
        shown = name.strip()
        if not 1 <= len(shown) <= MAX_NAME or not shown.isprintable():
            message = "that name cannot be shown"
            fix = f"use 1 to {MAX_NAME} printable characters"
            raise InvalidInputError(message, field="name", fix=fix)
        return shown


def revoke_keys(
    tx: Transaction, caller: Caller, user_id: str, reason: str
) -> tuple[str, ...]:
    """End all keys of an account, each with its record; return their ids."""
    rows = tx.all("SELECT id FROM api_keys WHERE user_id = ? ORDER BY id", (user_id,))
    ids = tuple(str(row[0]) for row in rows)
    for key_id in ids:
        tx.execute("DELETE FROM api_keys WHERE id = ?", (key_id,))
        tx.record(
            caller.did(
                Event.APIKEY_REVOKE,
                target=("api_key", key_id),
                reason=reason,
                user=user_id,
            )
        )
    return ids


def _row(tx: Transaction, key_id: str) -> Row:
    row = tx.one(f"{SELECT} WHERE k.id = ?", (key_id,))
    if row is None:
        raise NotFoundError(kind="API key")
    return row
