"""What each kind of job does on its host."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pyinfra.api.deploy import add_deploy
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.operations import run_ops

from deploys.common.errors import KeepgateError, Refused
from deploys.common.observe import look
from deploys.site import site, steps
from keepgate.engine import events, hostkeys, logs, ownkeys, record
from keepgate.engine.connect import connect
from keepgate.engine.listener import Emitter, shown
from keepgate.engine.standing import standing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyinfra.api.host import Host
    from pyinfra.api.state import State

    from deploys.edge import Target

    Task = Callable[[Target, Sequence[str], Emitter], events.Ended]


def _connected(target: Target, emitter: Emitter) -> tuple[State, Host]:
    with emitter.phase("connect"):
        state, host = connect(target)
    emitter.emit(events.Connected(str(host.data.ssh_user), target.address))
    return state, host


def _warn(target: Target, emitter: Emitter) -> None:
    for text in ownkeys.of_this_machine(target):
        emitter.notice(text, "warning")


def plan(target: Target, only: Sequence[str], emitter: Emitter) -> events.Ended:
    """Tell what each topic would change; change nothing."""
    _warn(target, emitter)
    _, host = _connected(target, emitter)
    with emitter.phase("observe"):
        plans = look(host, steps(only), target.settings)
    refusals = [refusal for each in plans for refusal in each.refusals]
    for each in plans:
        if each or each.notes:
            emitter.emit(shown(each))
    changes = sum(each.changes for each in plans)
    if refusals:
        raise Refused(refusals)
    return events.Ended("changed" if changes else "ok", changes)


def apply(target: Target, only: Sequence[str], emitter: Emitter) -> events.Ended:
    """Make the host as its settings say."""
    _warn(target, emitter)
    state, host = _connected(target, emitter)
    add_deploy(state, site, only=tuple(only))
    try:
        run_ops(state)
    except PyinfraError as error:  # pyinfra's word for: no host is left
        if emitter.error is None:
            raise _failed(target) from error
    if emitter.error is not None:
        raise emitter.error
    if host in state.failed_hosts:
        raise _failed(target)
    if not only:
        with emitter.phase("record"):
            record.write(target, host)
    return events.Ended("changed" if emitter.changes else "ok", emitter.changes)


def _failed(target: Target) -> KeepgateError:
    message = "an operation failed in a way that Keepgate does not know"
    return KeepgateError(message, f"see {logs.of_host(target.name)}, and report it")


def status(target: Target, only: Sequence[str], emitter: Emitter) -> events.Ended:
    """Tell what is armed, what drifted, and what waits for a reboot."""
    _, host = _connected(target, emitter)
    with emitter.phase("observe"):
        plans = look(host, steps(only), target.settings)
        facts = standing(target, host)
    for each in plans:
        if each:
            emitter.emit(shown(each))
    changes = sum(each.changes for each in plans)
    facts["drift"] = {each.topic: each.changes for each in plans if each}
    facts["refusals"] = [asdict(r) for each in plans for r in each.refusals]
    return events.Ended("changed" if changes else "ok", changes, facts=facts)


def keys(target: Target, only: Sequence[str], emitter: Emitter) -> events.Ended:
    """Tell the host keys that the host shows; no login."""
    del only
    with emitter.phase("connect"):
        found = hostkeys.fetch(target)
    return events.Ended("ok", facts={"keys": found})


TASKS: dict[str, Task] = {"plan": plan, "apply": apply, "status": status, "keys": keys}
