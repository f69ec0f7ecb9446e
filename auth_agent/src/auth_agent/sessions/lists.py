"""Logins as lists show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.accounts.rows import number
from auth_agent.sessions.live import Live

if TYPE_CHECKING:
    from auth_agent.core import Core
    from auth_agent.storage.store import Row

_LIST = (
    "SELECT l.id, l.user_id, u.name, l.name, l.ip, l.user_agent, l.created, l.seen,"
    " l.expires, l.methods FROM logins l JOIN users u ON u.id = l.user_id"
)


@dataclass(frozen=True)
class SessionInfo:
    """A login as lists show it; *id* is no secret. Times are microseconds."""

    id: str
    user_id: str
    user_name: str
    name: str
    ip: str
    user_agent: str
    created: int
    seen: int
    expires: int
    methods: str
    sites: tuple[str, ...]


class SessionLists:
    """Looks logins up, in the store and in memory."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.live = Live(core)

    def list_for(self, user_id: str) -> tuple[SessionInfo, ...]:
        """Return an account's logins, newest first."""
        found = self._core.store.read(
            lambda reader: reader.all(
                f"{_LIST} WHERE l.user_id = ? ORDER BY l.created DESC", (user_id,)
            )
        )
        return tuple(map(self._info, found))

    def list_all(self, *, limit: int = 100, offset: int = 0) -> tuple[SessionInfo, ...]:
        """Return everybody's logins, newest first."""
        found = self._core.store.read(
            lambda reader: reader.all(
                f"{_LIST} ORDER BY l.created DESC, l.id LIMIT ? OFFSET ?",
                (limit, offset),
            )
        )
        return tuple(map(self._info, found))

    def _info(self, row: Row) -> SessionInfo:
        login = self.live.by_id.get(str(row[0]))
        sites = {one.host for one in login.sites} if login else set()
        return SessionInfo(
            id=str(row[0]),
            user_id=str(row[1]),
            user_name=str(row[2]),
            name=str(row[3]),
            ip=str(row[4]),
            user_agent=str(row[5]),
            created=number(row[6]),
            seen=self.live.micros(login.seen) if login else number(row[7]),
            expires=number(row[8]),
            methods=str(row[9]),
            sites=tuple(sorted(sites)),
        )
