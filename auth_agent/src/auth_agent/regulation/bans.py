"""What keeps somebody out now, and how it is lifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.accounts.rows import by_id, number
from auth_agent.audit.events import Event
from auth_agent.callers import Caller
from auth_agent.errors import NotFoundError
from auth_agent.regulation import counters
from auth_agent.regulation.limits import (
    ACCOUNT,
    FOREVER,
    GLOBAL,
    LONGEST,
    NETWORK,
    Kind,
)

if TYPE_CHECKING:
    from auth_agent.core import Core
    from auth_agent.regulation.limits import Limit
    from auth_agent.storage.store import Reader, Transaction


@dataclass(frozen=True)
class Ban:
    """A lock or a full limit; *key* identifies it for `lift`. Microseconds.

    *kind* is `lockout` or `limit`; *factor* is what was tried; *subject* names the
    account, network or everybody it is for.
    """

    key: str
    kind: str
    factor: str
    subject: str
    failures: int
    until: int
    disabled: bool = False


class BanService:
    """Lockouts and limits that are in force."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list(self) -> tuple[Ban, ...]:
        """Return what keeps somebody out now, the longest first."""
        now = self._core.micros()
        found = self._core.store.read(
            lambda reader: [*_locks(reader, now), *_full(reader, now)]
        )
        return tuple(sorted(found, key=lambda ban: (-ban.until, ban.key)))

    async def lift(self, caller: Caller, key: str) -> None:
        """End one of them.

        Raises:
            NotFoundError: nothing is kept under *key*.
        """

        def work(tx: Transaction) -> None:
            gone = tx.execute("DELETE FROM failures WHERE bucket = ?", (key,))
            gone += tx.execute("DELETE FROM tries WHERE bucket = ?", (key,))
            if not gone:
                raise NotFoundError(kind="ban")
            reason = "lifted"
            tx.record(
                caller.did(Event.LOGIN_UNLOCK, target=("bucket", key), reason=reason)
            )

        await self._core.store.write(work)

    async def unlock(self, caller: Caller, user_id: str) -> None:
        """End every lock and limit of an account.

        Raises:
            NotFoundError: there is no such account.
        """

        def work(tx: Transaction) -> None:
            if by_id(tx, user_id) is None:
                raise NotFoundError(kind="account")
            counters.clear_account(tx, user_id)
            tx.record(
                caller.did(
                    Event.LOGIN_UNLOCK, target=("user", user_id), reason="unlocked"
                )
            )

        await self._core.store.write(work)

    async def sweep(self) -> None:
        """Record the locks whose time is over; forget what counts no more."""
        now = self._core.micros()

        def work(tx: Transaction) -> None:
            over = tx.all(
                "SELECT bucket, count FROM failures WHERE locked > 0 AND locked <= ?",
                (now,),
            )
            for bucket, count in over:
                tx.execute("UPDATE failures SET locked = 0 WHERE bucket = ?", (bucket,))
                if number(count) < self._core.lockout.after:
                    continue  # a delay of seconds, which nobody was told of
                target = ("bucket", str(bucket))
                tx.record(
                    Caller.system().did(
                        Event.LOGIN_UNLOCK, target=target, reason="time"
                    )
                )
            counters.purge(tx, now)

        await self._core.store.write(work)


def _locks(reader: Reader, now: int) -> list[Ban]:
    rows = reader.all(
        "SELECT bucket, count, locked FROM failures WHERE locked > ?", (now,)
    )
    bans = []
    for bucket, count, until in rows:
        factor, subject = _subject(reader, str(bucket))
        bans.append(
            Ban(
                str(bucket),
                "lockout",
                factor,
                subject,
                number(count),
                number(until),
                disabled=number(until) >= FOREVER,
            )
        )
    return bans


def _full(reader: Reader, now: int) -> list[Ban]:
    rows = reader.all(
        "SELECT bucket, count(*) FROM tries WHERE micros > ? GROUP BY bucket"
        " HAVING count(*) >= 5",
        (now - LONGEST,),
    )
    bans = []
    for bucket, count in rows:
        limits = _limits(str(bucket))
        wait = max(counters.wait(reader, str(bucket), one, now) for one in limits)
        if wait > 0:
            factor, subject = _subject(reader, str(bucket))
            bans.append(
                Ban(str(bucket), "limit", factor, subject, number(count), now + wait)
            )
    return bans


def _limits(bucket: str) -> tuple[Limit, ...]:
    kind, _, rest = bucket.partition(":")
    if rest.startswith("network:"):
        return NETWORK[Kind(kind)]
    if rest in {"all", "known"}:
        return GLOBAL[Kind(kind)]
    return ACCOUNT[Kind(kind)]


def _subject(reader: Reader, bucket: str) -> tuple[str, str]:
    """Return (what was tried, whom the bucket is for) in words."""
    kind, _, rest = bucket.partition(":")
    place, _, key = rest.partition(":")
    if place in {"account", "device"}:
        account = key.partition(":")[0]
        user = by_id(reader, account)
        name = user.name if user else "a name that no account has"
        return kind, f"{name} (known browser)" if place == "device" else name
    return kind, key if place == "network" else "everybody"
