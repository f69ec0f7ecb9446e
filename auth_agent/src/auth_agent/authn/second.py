"""The second factor: counted by itself, replay refused, each code once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from auth_agent.accounts.notices import Notice, tell
from auth_agent.audit.events import Event, Outcome
from auth_agent.authn import devices, recovery, totp
from auth_agent.authn.steps import caller_of
from auth_agent.errors import BusyError, LoginRefusedError
from auth_agent.regulation import counters, gate
from auth_agent.regulation.counters import Subject
from auth_agent.regulation.limits import Kind

if TYPE_CHECKING:
    from auth_agent.accounts.rows import User
    from auth_agent.callers import Caller, Client
    from auth_agent.core import Core
    from auth_agent.regulation.counters import Try
    from auth_agent.storage.store import Transaction


Use = Callable[["Transaction"], int | None]
"""Uses a code up; returns the failures in a row that end with it, None if refused."""


async def begin(core: Core, user: User, client: Client) -> Try:
    """Count a try of the account's second factor.

    Raises:
        ThrottledError: a limit is reached.
    """
    device = core.store.read(
        lambda reader: devices.known(reader, user.id, client.device, core.micros())
    )
    subject = Subject(Kind.SECOND, user.id, client.ip, device)
    return await gate.reserve(core, subject, caller_of(user, client))


async def check_totp(
    core: Core, user: User, code: str, tried: Try, caller: Caller
) -> Use:
    """Return what uses a right code up, in the transaction of the login.

    That answers None when the code is not good after all: used by a parallel
    login, or the factor locked meanwhile.

    Raises:
        LoginRefusedError: the code is wrong or was used before; recorded.
    """
    secret = core.store.read(lambda reader: totp.secret_of(core, reader, user.id))
    counter = totp.matching_counter(
        secret or totp.new_secret(), code, totp.counter_now(core)
    )

    def use(tx: Transaction) -> int | None:
        if counter is None or secret is None:
            refuse(tx, core, tried, caller, Event.TOTP_FAIL)
            return None
        if tried.locked or counters.locked(tx, tried.subject, core.micros()):
            refuse(tx, core, tried, caller, Event.TOTP_FAIL)
            return None
        if not totp.use_counter(tx, user.id, counter):
            refuse(tx, core, tried, caller, Event.TOTP_REPLAY)
            return None
        return counters.succeeded(tx, tried)

    if counter is None or secret is None:
        await core.store.write(use)
        core.metrics.count("login_failures_total", reason="wrong_code")
        raise LoginRefusedError
    return use


async def check_recovery(
    core: Core, user: User, code: str, tried: Try, caller: Caller
) -> Use:
    """Return what uses a recovery code up, in the transaction of the login.

    Raises:
        BusyError: too many hashes at once; the try is given back.
    """
    salt = core.store.read(lambda reader: recovery.salt_of(reader, user.id))
    try:
        hashed = await core.hashing.derive(recovery.plain(code), salt)
    except BusyError:
        await gate.give_back(core, tried)
        raise

    def use(tx: Transaction) -> int | None:
        locked = tried.locked or counters.locked(tx, tried.subject, core.micros())
        if locked or not recovery.use(tx, user.id, hashed):
            refuse(tx, core, tried, caller, Event.RECOVERY_FAIL)
            return None
        ended = counters.succeeded(tx, tried)
        left = recovery.left(tx, user.id)
        tx.record(caller.did(Event.RECOVERY_USE, target=("user", user.id), left=left))
        tell(tx, core, user, Notice.CODE_USED, caller, count=left)
        return ended

    return use


def refuse(
    tx: Transaction, core: Core, tried: Try, caller: Caller, event: Event
) -> None:
    """Count and record a failure of the second factor."""
    tx.record(
        caller.did(
            event,
            Outcome.FAILURE,
            target=("user", tried.subject.account),
            reason="locked" if tried.locked else "",
        )
    )
    gate.failed(tx, core, tried, caller)
