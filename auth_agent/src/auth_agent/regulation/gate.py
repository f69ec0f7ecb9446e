"""The one way to a try: every login path goes through it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from auth_agent.audit.events import Event, Outcome
from auth_agent.errors import ThrottledError
from auth_agent.regulation import counters

if TYPE_CHECKING:
    from auth_agent.callers import Caller
    from auth_agent.core import Core
    from auth_agent.regulation.counters import Subject, Try
    from auth_agent.storage.store import Transaction

_log = logging.getLogger("auth_agent.refusals")
# Read by what bans addresses (fail2ban, say): there however quiet the log is.
_log.setLevel(logging.INFO)


async def reserve(core: Core, subject: Subject, caller: Caller) -> Try:
    """Count a try before it is looked at.

    Raises:
        ThrottledError: a limit is reached; recorded, summed up per minute.
    """
    now = core.micros()
    try:
        return await core.store.write(lambda tx: counters.reserve(tx, subject, now))
    except ThrottledError:
        core.metrics.count("login_throttled_total", kind=str(subject.kind))
        _tell(caller)
        record = caller.did(
            Event.LOGIN_THROTTLED,
            Outcome.DENIED,
            target=("user", subject.account),
            reason=str(subject.kind),
        )
        core.notes.note(record, f"{subject.key}:{caller.client.ip}")
        raise


def failed(tx: Transaction, core: Core, tried: Try, caller: Caller) -> None:
    """Note a failure; record the lockout if this one brings it about."""
    _tell(caller)
    why = counters.failed(tx, tried, core.micros(), core.lockout)
    if why:
        subject = tried.subject
        tx.record(
            caller.did(
                Event.LOGIN_LOCKOUT,
                Outcome.DENIED,
                target=("user", subject.account),
                reason=why,
                factor=str(subject.kind),
                known_device=bool(subject.device),
            )
        )


def _tell(caller: Caller) -> None:
    """Log the address alone: who it was is the audit log's to tell."""
    if address := caller.origin.ip:
        _log.info("login refused", extra={"ip": address})


async def give_back(core: Core, tried: Try) -> None:
    """Uncount a try that was never looked at, or was right and came to nothing.

    Overload must not lock owners out. Nobody learns anything by it: whatever was
    wrong stays counted.
    """
    await core.store.write(lambda tx: counters.give_back(tx, tried))
