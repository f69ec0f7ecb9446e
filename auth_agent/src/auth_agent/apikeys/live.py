"""Live keys in memory: what the gate reads on every request with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts.rows import number, user_of
from auth_agent.apikeys import limits
from auth_agent.sessions.model import LiveKey, key_headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auth_agent.core import Core
    from auth_agent.storage.store import Row

SELECT = (
    "SELECT u.id, u.name, u.display_name, u.email, u.role, u.active, u.password,"
    " u.password_short, u.must_change_password, u.created, u.last_login,"
    " k.id, k.hash, k.name, k.scopes, k.networks, k.paths, k.expires"
    " FROM api_keys k JOIN users u ON u.id = k.user_id"
)


class LiveKeys:
    """Every key that holds, by the SHA-256 of its text."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.by_hash: dict[bytes, LiveKey] = {}
        self.by_id: dict[str, LiveKey] = {}

    def load(self) -> None:
        """Read the keys that still hold from the store."""
        rows = self._core.store.read(
            lambda reader: reader.all(
                f"{SELECT} WHERE k.expires > ?", (self._core.micros(),)
            )
        )
        for row in rows:
            self.adopt(row)

    def adopt(self, row: Row) -> None:
        """Take in one row of `SELECT`; it replaces the key's former text."""
        self.drop([str(row[11])])
        account = self._core.people.account(user_of(row[:11]))
        scopes = frozenset(str(row[14]).split())
        left = (number(row[17]) - self._core.micros()) / 1e6
        key = LiveKey(
            str(row[11]),
            row[12] if isinstance(row[12], bytes) else b"",
            account,
            str(row[13]),
            scopes,
            scopes & account.permissions,
            limits.live_networks(str(row[15]).split()),
            limits.live_paths(str(row[16]).split()),
            self._core.clock.monotonic() + left,
            [],
        )
        key.headers = key_headers(key)
        account.keys += (key,)
        self.by_hash[key.hash] = key
        self.by_id[key.id] = key

    def drop(self, ids: Iterable[str]) -> None:
        """Forget keys that have ended."""
        for key_id in ids:
            key = self.by_id.pop(key_id, None)
            if key is not None:
                self.by_hash.pop(key.hash, None)
                others = (one for one in key.account.keys if one is not key)
                key.account.keys = tuple(others)
                self._core.people.release(key.account)

    def refusal(self, key: LiveKey, *, ip: str, host: str, path: str) -> str:
        """Return why *key* may not be used from there for that; '' if it may."""
        if self._core.clock.monotonic() >= key.deadline:
            return "expired"
        if not key.account.active:
            return "owner_disabled"
        if not limits.within_networks(key.networks, ip):
            return "network"
        if not limits.within_paths(key.paths, host, path):
            return "path"
        return ""

    def take_used(self) -> list[str]:
        """Return the ids of the keys used since the last call."""
        used = [key.id for key in self.by_id.values() if key.used]
        for key_id in used:
            self.by_id[key_id].used = False
        return used
