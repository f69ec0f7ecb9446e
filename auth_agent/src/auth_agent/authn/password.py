"""The password step: the same answer, work and time for every name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth_agent.accounts import passwords
from auth_agent.accounts.names import canonical_login
from auth_agent.accounts.rows import User, by_id, by_login
from auth_agent.audit.events import Event, Outcome
from auth_agent.authn import devices
from auth_agent.authn.steps import caller_of
from auth_agent.callers import Caller
from auth_agent.errors import BusyError, LoginRefusedError
from auth_agent.regulation import counters, gate
from auth_agent.regulation.counters import Subject, Try
from auth_agent.regulation.limits import Kind

if TYPE_CHECKING:
    from auth_agent.callers import Client
    from auth_agent.core import Core
    from auth_agent.storage.store import Transaction

_IMPOSSIBLE = "no account has this password"


@dataclass(frozen=True)
class Checked:
    """A password that was right, and the counted try that found out."""

    user: User
    tried: Try
    caller: Caller
    form: str = field(repr=False)


@dataclass(frozen=True)
class Weighed:
    """What the end of a try decided, inside the transaction: '' lets through."""

    refused: str
    user: User
    failures: int = 0
    """Failures in a row that this success ends."""


async def check(core: Core, name: str, password: str, client: Client) -> Checked:
    """Return the account if *password* is its own and it may log in.

    The try stays counted; `settle` ends it.

    Raises:
        LoginRefusedError: anything is wrong; recorded with the true reason.
        ThrottledError, BusyError, StoreUnavailableError: as they say.
    """
    now = core.micros()
    key = canonical_login(name.encode("utf-8", "replace").decode())
    user = core.store.read(lambda reader: by_login(reader, key))
    account = user.id if user else f"?{core.name_hash(key)}"
    device = core.store.read(
        lambda reader: devices.known(reader, account, client.device, now)
    )
    caller = caller_of(user, client) if user else Caller.anonymous(client)
    subject = Subject(Kind.PASSWORD, account, client.ip, device)
    tried = await gate.reserve(core, subject, caller)
    return await _weigh(core, user, password, tried, caller)


async def check_own(core: Core, user: User, password: str, client: Client) -> Checked:
    """As `check`, for somebody who is logged in and proves it is still them."""
    device = core.store.read(
        lambda reader: devices.known(reader, user.id, client.device, core.micros())
    )
    caller = caller_of(user, client)
    subject = Subject(Kind.PASSWORD, user.id, client.ip, device)
    tried = await gate.reserve(core, subject, caller)
    return await _weigh(core, user, password, tried, caller)


async def _weigh(
    core: Core, user: User | None, password: str, tried: Try, caller: Caller
) -> Checked:
    form = passwords.normalised(password)
    stored = user.password if user else None
    try:
        right = await core.hashing.matches(stored, form or _IMPOSSIBLE)
    except BusyError:
        await gate.give_back(core, tried)
        raise
    if user is not None and form is not None and right:
        return Checked(user, tried, caller, form)
    reason = "wrong_password" if user and stored else "no_such_account"
    await core.store.write(lambda tx: refuse(tx, core, tried, caller, reason))
    core.metrics.count("login_failures_total", reason=reason)
    raise LoginRefusedError


def settle(tx: Transaction, core: Core, checked: Checked) -> Weighed:
    """End the try of a right password: let through, or refuse all the same.

    What may have changed while the password was hashed is looked at again: a
    lockout by parallel failures, the account, the password itself.
    """
    user = by_id(tx, checked.user.id)
    locked = checked.tried.locked or counters.locked(
        tx, checked.tried.subject, core.micros()
    )
    reason = ""
    if locked:
        reason = "locked"
    elif user is None or not user.active:
        reason = "disabled"
    elif user.password != checked.user.password:
        reason = "wrong_password"
    if reason or user is None:
        refuse(tx, core, checked.tried, checked.caller, reason)
        return Weighed(reason, checked.user)
    return Weighed("", user, counters.succeeded(tx, checked.tried))


def refuse(
    tx: Transaction, core: Core, tried: Try, caller: Caller, reason: str
) -> None:
    """Count and record a failure with its true reason."""
    tx.record(
        caller.did(
            Event.LOGIN_FAILURE,
            Outcome.FAILURE,
            target=("user", tried.subject.account),
            reason="locked" if tried.locked else reason,
            known_device=bool(tried.subject.device),
        )
    )
    gate.failed(tx, core, tried, caller)


async def refresh(core: Core, checked: Checked) -> None:
    """Hash the password anew if it was hashed with other work factors."""
    stored = checked.user.password
    if stored is None or not core.hashing.outdated(stored):
        return
    try:
        new = await core.hashing.hash(checked.form)
    except BusyError:
        return  # the next login does it

    def work(tx: Transaction) -> None:
        if tx.execute(
            "UPDATE users SET password = ? WHERE id = ? AND password = ?",
            (new, checked.user.id, stored),
        ):
            tx.record(
                checked.caller.did(
                    Event.PASSWORD_REHASH, target=("user", checked.user.id)
                )
            )

    await core.store.write(work)
