"""The agent's actions, as the pages, the gate and the command line see them.

Everything with `async` changes the state: when it returns, the change and its
audit record are durable; it raises `StoreUnavailableError` when they cannot be.
Everything without reads what the process holds in memory or in the store, at once.

Permissions are asked for where a request comes in. The actions themselves uphold
what must hold for everybody: the last administrator, one's own keys and factors,
step-up, and that a login that owes something does nothing else.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from auth_agent.accounts.hashing import Hashing
from auth_agent.accounts.links import Link
from auth_agent.accounts.lists import UserInfo
from auth_agent.accounts.mail import SmtpMailer
from auth_agent.accounts.notices import NoticeInfo
from auth_agent.accounts.post import Post
from auth_agent.accounts.service import AccountService
from auth_agent.apikeys.lists import KeyInfo
from auth_agent.apikeys.service import KeyService
from auth_agent.audit import keys as audit_keys
from auth_agent.audit.events import Event
from auth_agent.audit.log import AuditLog, Checkpoint
from auth_agent.audit.notes import Notes
from auth_agent.audit.reading import AuditQuery, Entry
from auth_agent.audit.service import AuditService, Review
from auth_agent.authn.factors import Enrolment, FactorService
from auth_agent.authn.login import LoginService
from auth_agent.authn.sealing import Sealing
from auth_agent.authn.steps import LoginStep
from auth_agent.authz.permissions import ROLE_PERMISSIONS
from auth_agent.callers import Caller
from auth_agent.clock import Clock, SystemClock, Timeline
from auth_agent.config.secrets import read_file
from auth_agent.core import Core
from auth_agent.derivation import expand
from auth_agent.errors import StoreUnavailableError
from auth_agent.metrics import Metrics
from auth_agent.regulation.bans import Ban, BanService
from auth_agent.sessions.lists import SessionInfo
from auth_agent.sessions.model import LiveKey, Owes
from auth_agent.sessions.people import People
from auth_agent.sessions.service import SessionService
from auth_agent.storage.migrate import Migration, migrate
from auth_agent.storage.sqlite import SqliteStore
from auth_agent.system import meta, opening
from auth_agent.system.service import SystemService

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from auth_agent.accounts.mail import Mailer
    from auth_agent.config.model import Config
    from auth_agent.storage.store import Transaction

__all__ = [
    "AccountService",
    "AuditQuery",
    "AuditService",
    "Ban",
    "BanService",
    "Enrolment",
    "Entry",
    "FactorService",
    "KeyInfo",
    "KeyService",
    "Link",
    "LiveKey",
    "LoginService",
    "LoginStep",
    "Metrics",
    "NoticeInfo",
    "Owes",
    "Post",
    "Review",
    "Services",
    "SessionInfo",
    "SessionService",
    "SystemService",
    "UserInfo",
    "open_services",
]

BUILT_IN_ROLES: Mapping[str, frozenset[str]] = {
    str(role): frozenset(map(str, granted))
    for role, granted in ROLE_PERMISSIONS.items()
}


@dataclass
class Services:
    """All of it; one per process, under an exclusive lock on the state folder."""

    login: LoginService
    sessions: SessionService
    accounts: AccountService
    factors: FactorService
    keys: KeyService
    bans: BanService
    audit: AuditService
    system: SystemService
    post: Post
    metrics: Metrics
    core: Core = field(repr=False)
    log: AuditLog = field(repr=False)
    lock: int = field(repr=False)

    async def close(self) -> None:
        """Flush, record `system.stop`, sign the log's end, release the lock."""
        try:
            await self.post.close()
            await self.core.notes.sum_up(everything=True)
            await self.sessions.sweep()
            stop = Caller.system().did(Event.SYSTEM_STOP)
            await self.core.store.write(lambda tx: tx.record(stop))
        except StoreUnavailableError:
            self.metrics.count("chores_failed_total")
        finally:
            self.core.store.close()
            self.core.hashing.close()
            try:
                self.log.close()
            except StoreUnavailableError:
                self.metrics.count("chores_failed_total")
            os.close(self.lock)


async def open_services(  # noqa: PLR0913 - what a process is made of
    config: Config,
    *,
    secret: bytes,
    clock: Clock | None = None,
    roles: Mapping[str, frozenset[str]] = BUILT_IN_ROLES,
    announce: Callable[[Checkpoint], None] | None = None,
    mailer: Mailer | None = None,
) -> Services:
    """Return the services on the state that *config* names.

    Migrates, takes the lock, loads live logins and keys, records `system.start`.
    *secret* are the 32 bytes of the secret file. *announce* is told each audit
    checkpoint; by default it is logged, and so reaches the journal. *mailer* sends
    links; by default over the configured mail server, if there is one.

    Raises:
        ConfigError: the state cannot be used: locked, newer, damaged, or made with
            another secret.
        StoreUnavailableError: it can be read, but not be written now.
    """
    clock = clock or SystemClock()
    mailer = mailer or _mailer(config)
    state, folder = Path(config.server.state), Path(config.server.audit)
    opening.private_folder(state)
    opening.private_folder(folder)
    lock = opening.lock(state)
    keys = audit_keys.derive(secret)
    log = AuditLog(folder, keys=keys, clock=clock, announce=announce or _log)
    try:
        steps = migrate(state / opening.DATABASE)
        opening.open_log(log)
        store = SqliteStore(state / opening.DATABASE, audit=log, clock=clock)
        store.start()
    except BaseException:
        os.close(lock)
        raise
    metrics = Metrics()
    core = Core(
        config=config,
        roles=roles,
        store=store,
        clock=clock,
        timeline=Timeline(
            clock, store.read(lambda reader: meta.number(reader, meta.HIGHEST_TIME))
        ),
        metrics=metrics,
        notes=Notes(store, clock, metrics),
        people=People(roles),
        hashing=Hashing(config.passwords),
        sealing=Sealing(expand(secret, b"keepgate sealing")),
        name_key=expand(secret, b"keepgate names"),
        mails=mailer is not None,
    )
    sessions = SessionService(core)
    api_keys = KeyService(core, sessions)
    login = LoginService(core, sessions)
    factors = FactorService(core, sessions)
    bans = BanService(core)
    audit = AuditService(core, sessions, folder, keys)
    post = Post(core, mailer)
    chores = (
        sessions.sweep,
        api_keys.sweep,
        bans.sweep,
        login.sweep,
        factors.sweep,
        audit.keep,
    )
    services = Services(
        login=login,
        sessions=sessions,
        accounts=AccountService(core, sessions, api_keys, mailer),
        factors=factors,
        keys=api_keys,
        bans=bans,
        audit=audit,
        system=SystemService(core, sessions, chores, post),
        post=post,
        metrics=metrics,
        core=core,
        log=log,
        lock=lock,
    )
    try:
        await store.write(lambda tx: _begin(tx, core, steps))
        sessions.live.load()
        api_keys.live.load()
        await services.system.watch_clock()
    except BaseException:
        store.close()
        core.hashing.close()
        os.close(lock)
        raise
    return services


def _log(made: Checkpoint) -> None:
    logging.getLogger("auth_agent.audit").info("checkpoint", extra=asdict(made))


def _mailer(config: Config) -> Mailer | None:
    if config.mail is None:
        return None
    name = config.mail.password_file
    data = read_file(Path(name), key="mail.password_file") if name else b""
    return SmtpMailer(config.mail, data.decode("utf-8", "replace").strip())


def _begin(tx: Transaction, core: Core, steps: Sequence[Migration]) -> None:
    """Record the start, and open what the secret file seals."""
    core.sealing.load(tx, core.micros())
    meta.keep(tx, meta.HIGHEST_TIME, core.timeline.highest())
    if steps:
        names = " ".join(f"{step.number:04d}_{step.name}" for step in steps)
        tx.record(Caller.system().did(Event.SYSTEM_MIGRATE, steps=names))
    tx.record(Caller.system().did(Event.SYSTEM_START))
