"""Counting tries in the store: reserve first, give back after a success.

A try is counted before it is looked at, in one transaction with the check whether
one is left, so that parallel tries cannot pass a limit together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.errors import ThrottledError
from auth_agent.regulation.limits import (
    ACCOUNT,
    FOREVER,
    GLOBAL,
    HARD_STOP,
    LONGEST,
    NETWORK,
    Kind,
    Limit,
    delay,
    network_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auth_agent.storage.store import Reader, Transaction


@dataclass(frozen=True)
class Subject:
    """Who tries what: an account (or what stands for none) and from where.

    *account* is the account's id, or a keyed hash of a name that nobody has, so
    that both are limited alike. *device* is the hash of a browser that the account
    knows: it has counters of its own, so that nobody else's tries keep it out.
    """

    kind: Kind
    account: str
    ip: str = ""
    device: bytes = b""

    @property
    def key(self) -> str:
        """The bucket of consecutive failures, and of the limits per account."""
        if self.device:
            return f"{self.kind}:device:{self.account}:{self.device.hex()[:32]}"
        return f"{self.kind}:account:{self.account}"

    @property
    def buckets(self) -> tuple[tuple[str, tuple[Limit, ...]], ...]:
        """Every limit that a try counts against."""
        own = (self.key, ACCOUNT[self.kind])
        if self.device:
            return own, (f"{self.kind}:known", GLOBAL[self.kind])
        network = f"{self.kind}:network:{network_of(self.ip)}"
        return (
            own,
            (network, NETWORK[self.kind]),
            (f"{self.kind}:all", GLOBAL[self.kind]),
        )


@dataclass(frozen=True)
class Try:
    """A counted try. When *locked*, its outcome must not matter."""

    subject: Subject
    rows: tuple[int, ...]
    locked: bool


@dataclass(frozen=True)
class Settings:
    """When consecutive failures lock, and for how long (microseconds)."""

    after: int
    micros: int


def reserve(tx: Transaction, subject: Subject, now: int) -> Try:
    """Count a try of *subject*, or refuse it.

    Raises:
        ThrottledError: a limit is reached; nothing is counted.
    """
    for bucket, limits in subject.buckets:
        for limit in limits:
            left = wait(tx, bucket, limit, now)
            if left > 0:
                raise ThrottledError(max(1, -(-left // 1_000_000)))
    rows = []
    for bucket, _ in subject.buckets:
        row = tx.one(
            "INSERT INTO tries (bucket, micros) VALUES (?, ?) RETURNING row",
            (bucket, now),
        )
        rows.append(int(row[0]) if row and row[0] is not None else 0)
    return Try(subject, tuple(rows), locked(tx, subject, now))


def locked(reader: Reader, subject: Subject, now: int) -> bool:
    """Whether too many consecutive failures keep *subject* out now."""
    row = reader.one("SELECT locked FROM failures WHERE bucket = ?", (subject.key,))
    return row is not None and int(row[0] or 0) > now


def failed(tx: Transaction, tried: Try, now: int, settings: Settings) -> str:
    """Note the failure of *tried*; return why its subject is locked out, or ''.

    A try while locked is no guess and counts no further. Short delays before the
    lockout are none.
    """
    if tried.locked or locked(tx, tried.subject, now):
        return ""
    row = tx.one(
        "INSERT INTO failures (bucket, count, locked, last) VALUES (?, 1, 0, ?)"
        " ON CONFLICT (bucket) DO UPDATE SET count = failures.count + 1,"
        " last = excluded.last RETURNING count",
        (tried.subject.key, now),
    )
    count = int(row[0] or 0) if row else 0
    disabled = count >= HARD_STOP
    lockout = settings.micros if count >= settings.after else 0
    until = FOREVER if disabled else now + max(lockout, delay(count))
    tx.execute(
        "UPDATE failures SET locked = ? WHERE bucket = ?", (until, tried.subject.key)
    )
    if disabled:
        return "disabled"
    return "failures" if lockout else ""


def succeeded(tx: Transaction, tried: Try) -> int:
    """Give the try back and forget the consecutive failures; return how many."""
    _remove(tx, tried.rows)
    row = tx.one(
        "DELETE FROM failures WHERE bucket = ? RETURNING count", (tried.subject.key,)
    )
    return int(row[0] or 0) if row else 0


def recent(reader: Reader, account: str, since: int) -> int:
    """Return failures in a row at an account, from anywhere, that go on since."""
    total = 0
    for kind in (Kind.PASSWORD, Kind.SECOND):
        row = reader.one(
            "SELECT sum(count) FROM failures WHERE last > ? AND"
            " (bucket = ? OR bucket LIKE ?)",
            (since, f"{kind}:account:{account}", f"{kind}:device:{account}:%"),
        )
        total += int(row[0] or 0) if row else 0
    return total


def give_back(tx: Transaction, tried: Try) -> None:
    """Uncount a try that was never looked at."""
    _remove(tx, tried.rows)


def clear_account(tx: Transaction, account: str) -> int:
    """Forget every try and failure of an account; return how many rows went."""
    gone = 0
    for kind in Kind:
        for pattern in (f"{kind}:account:{account}", f"{kind}:device:{account}:%"):
            gone += tx.execute("DELETE FROM failures WHERE bucket LIKE ?", (pattern,))
            gone += tx.execute("DELETE FROM tries WHERE bucket LIKE ?", (pattern,))
    return gone


def purge(tx: Transaction, now: int) -> None:
    """Remove what counts no more; failures in a row stay for a year.

    Of names that nobody has they stay for a day: strangers make as many as they like.
    """
    tx.execute("DELETE FROM tries WHERE micros < ?", (now - LONGEST,))
    for kind in Kind:
        tx.execute(
            "DELETE FROM failures WHERE bucket LIKE ? AND last < ?",
            (f"{kind}:account:?%", now - LONGEST),
        )
    tx.execute(
        "DELETE FROM failures WHERE last < ? AND locked < ?",
        (now - 365 * LONGEST, FOREVER),
    )


def wait(reader: Reader, bucket: str, limit: Limit, now: int) -> int:
    """Return microseconds until *bucket* has a try left under *limit*."""
    row = reader.one(
        "SELECT micros FROM tries WHERE bucket = ? AND micros > ?"
        " ORDER BY micros DESC LIMIT 1 OFFSET ?",
        (bucket, now - limit.micros, limit.count - 1),
    )
    return 0 if row is None else int(row[0] or 0) + limit.micros - now


def _remove(tx: Transaction, rows: Sequence[int]) -> None:
    for row in rows:
        tx.execute("DELETE FROM tries WHERE row = ?", (row,))
