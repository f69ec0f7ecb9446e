"""Putting a backup back in place, so that nothing that has ended lives again."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auth_agent.audit import keys as audit_keys
from auth_agent.audit.events import Event
from auth_agent.audit.log import AuditLog
from auth_agent.audit.segments import sync_folder
from auth_agent.audit.verify import Pin
from auth_agent.authn.sealing import Sealing
from auth_agent.clock import to_micros
from auth_agent.derivation import expand
from auth_agent.errors import ConfigError
from auth_agent.storage import copies
from auth_agent.storage.connection import SqliteReader, SqliteTransaction, connect
from auth_agent.storage.migrate import UnusableDatabaseError, migrate
from auth_agent.storage.sqlite import SqliteStore
from auth_agent.system import meta, opening
from auth_agent.system.repeating import RESTORED, Repeated, Repeating
from auth_agent.system.since import Since, since

if TYPE_CHECKING:
    from collections.abc import Callable

    from auth_agent.audit.log import Checkpoint
    from auth_agent.callers import Caller
    from auth_agent.clock import Clock
    from auth_agent.config.model import Config

_WORK = f"{opening.DATABASE}.restoring"
_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Restored:
    """What a restore did, and what is left to do by hand.

    *known* says that the audit log tells all that happened since the backup; where
    it does not, every API key has ended, too. *before* is the file in which the
    state from before is kept. Accounts in *lost* were made since: invite them anew.
    """

    known: bool
    records_since: int
    before: str
    lost: tuple[str, ...]
    repeated: Repeated


def restore(  # noqa: PLR0913 - what a process is made of
    config: Config,
    backup: Path,
    *,
    secret: bytes,
    clock: Clock,
    caller: Caller,
    announce: Callable[[Checkpoint], None],
) -> Restored:
    """Put *backup* in the place of the state; no agent may be running.

    The backup is brought up to date beside the state and takes its place at once:
    killed at any moment, this leaves the one or the other. All sessions and links
    end, codes that may have been used are refused, and what the audit log holds
    since the backup is repeated: deleted and disabled accounts, roles, keys that
    ended, passwords and factors that were replaced. It is recorded.

    Raises:
        ConfigError: another process uses the state, or the backup is damaged, newer,
            another agent's, or none.
        StoreUnavailableError: the audit log takes no record.
    """
    state, folder = Path(config.server.state), Path(config.server.audit)
    opening.private_folder(state)
    opening.private_folder(folder)
    lock = opening.lock(state)
    try:
        fresh = state / _WORK
        _copy(backup, fresh)
        log = _log(folder, secret, clock, announce)
        try:
            happened, repeated, lost = _bring_up_to_date(
                fresh, log, secret, clock, caller
            )
            before = _take_its_place(state, fresh, clock)
            _record(state, log, clock)
        finally:
            log.close()
        return Restored(happened.known, happened.records, before, lost, repeated)
    finally:
        os.close(lock)


def _copy(backup: Path, fresh: Path) -> None:
    for path in (fresh, *(fresh.with_name(f"{fresh.name}{end}") for end in _BESIDE)):
        path.unlink(missing_ok=True)
    try:
        copies.copy(backup, fresh)
    except (OSError, sqlite3.OperationalError) as error:
        message = f"{backup} cannot be read: {error}"
        fix = (
            f"name a file that `backup` wrote and the owner of {fresh.parent} may read"
        )
        raise ConfigError(message, fix=fix) from error
    except sqlite3.DatabaseError as error:
        message = f"{backup} is damaged: {error}"
        raise UnusableDatabaseError(message, fix="take another backup") from error
    migrate(fresh)


def _log(
    folder: Path, secret: bytes, clock: Clock, announce: Callable[[Checkpoint], None]
) -> AuditLog:
    keys = audit_keys.derive(secret)
    log = AuditLog(folder, keys=keys, clock=clock, announce=announce)
    opening.open_log(log)
    return log


def _bring_up_to_date(
    fresh: Path, log: AuditLog, secret: bytes, clock: Clock, caller: Caller
) -> tuple[Since, Repeated, tuple[str, ...]]:
    connection = connect(fresh)
    try:
        reader = SqliteReader(connection)
        pin = _pin(reader, fresh)
        left = frozenset(str(row[0]) for row in reader.all("SELECT id FROM outbox"))
        happened = since(log.folder, audit_keys.derive(secret), pin, left)
        sealing = Sealing(expand(secret, b"keepgate sealing"))
        connection.execute("BEGIN IMMEDIATE")
        tx = SqliteTransaction(connection, clock)
        sealing.load(tx, to_micros(clock.now()))
        for identity in happened.seen:  # they stand in the log already
            tx.execute("DELETE FROM outbox WHERE id = ?", (identity,))
        repeated = Repeating(tx, caller, clock, happened).run(sealing)
        lost = tuple(sorted(_missing(tx, happened)))
        tx.record(
            caller.did(
                Event.SYSTEM_MIGRATE,
                reason=RESTORED,
                backup_seq=pin.seq,
                known=happened.known,
                records_since=happened.records,
            )
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, to be renamed
    finally:
        connection.close()
    return happened, repeated, lost


def _missing(tx: SqliteTransaction, happened: Since) -> list[str]:
    """Return the names of accounts that the log knows and the backup does not."""
    return [
        name or identity
        for identity, name in happened.made.items()
        if identity not in happened.deleted
        and tx.one("SELECT 1 FROM users WHERE id = ?", (identity,)) is None
    ]


def _pin(reader: SqliteReader, fresh: Path) -> Pin:
    words = meta.text(reader, meta.BACKUP).split()
    try:
        segment, seq, hash_ = words
        return Pin(int(segment), int(seq), hash_)
    except ValueError as error:
        fresh.unlink(missing_ok=True)
        message = "this is no backup that `auth-agent backup` made"
        fix = "name such a file; a copy of a running database is not whole"
        raise ConfigError(message, fix=fix) from error


def _take_its_place(state: Path, fresh: Path, clock: Clock) -> str:
    """Swap the files; return the name that the state from before has now."""
    current = state / opening.DATABASE
    kept = state / f"{opening.DATABASE}.before-{clock.now():%Y%m%dT%H%M%S%fZ}"
    if current.exists():
        _fold(current)
        os.link(current, kept)
    # Only a damaged database has these still; the next one must not meet them.
    for end in _BESIDE:
        beside = current.with_name(f"{current.name}{end}")
        if beside.exists():
            beside.rename(kept.with_name(f"{kept.name}{end}"))
    fresh.replace(current)
    sync_folder(state)
    return str(kept) if kept.exists() else ""


def _fold(current: Path) -> None:
    """Have the database in one file, if it can still be opened."""
    try:
        connection = connect(current)
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        return


def _record(state: Path, log: AuditLog, clock: Clock) -> None:
    """Bring the restore's records from the store to the log, as every start does."""
    store = SqliteStore(state / opening.DATABASE, audit=log, clock=clock)
    try:
        store.start()
    finally:
        store.close()
