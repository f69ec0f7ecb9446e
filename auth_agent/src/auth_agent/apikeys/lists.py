"""Keys as lists show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.accounts.rows import number
from auth_agent.errors import NotFoundError

if TYPE_CHECKING:
    from auth_agent.core import Core
    from auth_agent.storage.store import Row

_LIST = (
    "SELECT k.id, k.user_id, u.name, k.name, k.prefix, k.scopes, k.networks, k.paths,"
    " k.created, k.expires, k.last_used"
    " FROM api_keys k JOIN users u ON u.id = k.user_id"
)


@dataclass(frozen=True)
class KeyInfo:
    """An API key as lists show it; never the key. Times in microseconds."""

    id: str
    user_id: str
    user_name: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    paths: tuple[str, ...]
    created: int
    expires: int
    last_used: int


class KeyLists:
    """Looks keys up."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def get(self, key_id: str) -> KeyInfo:
        """Return one key.

        Raises:
            NotFoundError: there is none.
        """
        row = self._core.store.read(
            lambda reader: reader.one(f"{_LIST} WHERE k.id = ?", (key_id,))
        )
        if row is None:
            raise NotFoundError(kind="API key")
        return _info(row)

    def stored(self, hashed: bytes) -> bool:
        """Whether there is a key with that hash."""
        sql = "SELECT 1 FROM api_keys WHERE hash = ?"
        row = self._core.store.read(lambda reader: reader.one(sql, (hashed,)))
        return row is not None

    def list_for(self, user_id: str) -> tuple[KeyInfo, ...]:
        """Return an account's keys, newest first."""
        rows = self._core.store.read(
            lambda reader: reader.all(
                f"{_LIST} WHERE k.user_id = ? ORDER BY k.created DESC, k.id", (user_id,)
            )
        )
        return tuple(map(_info, rows))

    def list_all(self, *, limit: int = 100, offset: int = 0) -> tuple[KeyInfo, ...]:
        """Return everybody's keys, newest first."""
        rows = self._core.store.read(
            lambda reader: reader.all(
                f"{_LIST} ORDER BY k.created DESC, k.id LIMIT ? OFFSET ?",
                (limit, offset),
            )
        )
        return tuple(map(_info, rows))


def _info(row: Row) -> KeyInfo:
    return KeyInfo(
        str(row[0]),
        str(row[1]),
        str(row[2]),
        str(row[3]),
        str(row[4]),
        tuple(str(row[5]).split()),
        tuple(str(row[6]).split()),
        tuple(str(row[7]).split()),
        number(row[8]),
        number(row[9]),
        number(row[10]),
    )
