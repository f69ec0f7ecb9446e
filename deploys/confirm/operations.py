"""Commit-confirmed topics as an operation of pyinfra."""

from __future__ import annotations

import json
import shlex
from functools import partial
from typing import TYPE_CHECKING

from pyinfra import host
from pyinfra.api import FunctionCommand, operation
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.ssh import SSHConnector

from deploys.common import observe, remote
from deploys.common.errors import KeepgateError, Refused, RolledBack, Unreachable
from deploys.common.progress import failed, notice, phase, planned, untouched
from deploys.confirm.proof import Proof
from deploys.confirm.protocol import Confirmation
from deploys.confirm.prove import Door
from deploys.confirm.session import RunningSession
from deploys.edge import target_for
from deploys.topics import topics

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from pyinfra.api import State
    from pyinfra.api.host import Host

    from deploys.common.changes import Plan
    from deploys.edge import Target

_ROOT_SECONDS = 30

REMEMBERED = "login.json"
"""File in the target's state folder that names the account to connect as."""


def carry_out(on: Host, plan: Plan) -> None:
    """Carry *plan* out on the connected host *on*, confirmed or undone.

    Afterwards the run goes on as the operator, who was just proved.

    Raises:
        KeepgateError: see `deploys.confirm.protocol.Confirmation.carry_out`.
    """
    target = target_for(on)
    if plan.refusals:
        raise Refused(plan.refusals)
    if plan.commit is None:
        message = f"the plan of {plan.topic} has no commit"
        raise TypeError(message)
    connector = _connector(on)
    operator = target.settings.operator.name
    if plan.commit.by_operator:
        _work_as(on, operator)
    arguments = connector.make_paramiko_kwargs()
    before = str(arguments["username"])
    door = Door(
        hostname=str(arguments["hostname"]),
        port=int(arguments.get("port") or target.port),
        known_hosts=target.known_hosts,
        keys=(arguments["pkey"],) if "pkey" in arguments else (),
        allow_agent=bool(arguments["allow_agent"]),
    )
    proof = Proof(
        door,
        before=before,
        operator=operator,
        refused=plan.commit.refused,
        password_refused=plan.commit.password_refused,
    )
    Confirmation(
        plan,
        session=RunningSession(on),
        proof=proof,
        timeout=target.settings.confirm.timeout,
    ).carry_out()
    remember(target, operator)
    transport = connector.client.get_transport() if connector.client else None
    if before != operator or transport is None or not transport.is_active():
        reconnect(on, operator)
    if plan.commit.remarks is not None:
        _tell(plan, plan.commit.remarks(door.hostname, partial(_text, on)))


def _tell(plan: Plan, remarks: Iterable[str]) -> None:
    """Tell *remarks*; what was confirmed stays so, whatever becomes of them."""
    try:
        for remark in remarks:
            notice(f"{plan.topic}: {remark}", "warning")
    except KeepgateError as error:
        notice(f"{plan.topic}: not seen from here: {error}", "warning")


def _text(on: Host, path: str) -> str:
    """Return the host's file *path*; empty if there is none."""
    read = remote.whole(f"cat -- {shlex.quote(path)} 2>/dev/null || :\n")
    return "\n".join(remote.run(on, read, seconds=_ROOT_SECONDS).lines)


def _connector(on: Host) -> SSHConnector:
    connector = on.connector
    if not isinstance(connector, SSHConnector):
        message = f"{on.name} is not reached by SSH, so nothing can be proved"
        raise KeepgateError(message, "use an SSH inventory")
    return connector


def _work_as(on: Host, operator: str) -> None:
    """Make the run go on as *operator* if it does not yet; changes nothing.

    Raises:
        KeepgateError: the operator does not get in, or does not become root.
    """
    connector = _connector(on)
    if str(connector.make_paramiko_kwargs()["username"]) == operator:
        return
    try:
        reconnect(on, operator)
    except (ConnectError, Unreachable) as error:
        message = f"{operator} cannot log in yet, and others are to lose their rights"
        raise KeepgateError(message, "apply the topic accounts first") from error
    remote.run(on, remote.whole("true"), seconds=_ROOT_SECONDS)


def remember(target: Target, login: str) -> None:
    """Note that *login* is the account that *target* admits."""
    target.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = target.state / REMEMBERED
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps({"login": login}) + "\n", encoding="utf-8")
    fresh.replace(note)


def reconnect(on: Host, login: str) -> None:
    """Make the run go on over a new connection as *login*.

    Raises:
        Unreachable: the connection cannot be made.
    """
    connector = _connector(on)
    old = connector.client
    on.disconnect()
    connector.data["ssh_user"] = login
    on.connect(reason=f"as {login}")
    if not on.connected:
        message = f"no connection as {login}, who was proved a moment ago"
        raise Unreachable(message, "run again")
    if old is not None:
        old.close()


@operation()
def commit(topic: str) -> Generator[FunctionCommand, None, None]:
    """Make *topic* as its settings say, confirmed by a fresh login or undone.

    + topic: name of the topic in `deploys.topics`
    """
    try:
        plan = plan_for(topic)
    except KeepgateError as error:
        # Raised here it would end the run on every host, not on this one.
        yield FunctionCommand(_fail, (error,), {})
        return
    if not plan and not plan.refusals:
        host.noop(f"{topic} is as it should be")
        return
    yield FunctionCommand(_commit, (plan,), {})


def plan_for(topic: str) -> Plan:
    """Return what *topic* would change on the current host.

    Raises:
        KeepgateError: the host does not answer, or not in a way that is understood.
    """
    found = next(t for t in topics() if t.name == topic)
    return observe.plan_of(host, found, target_for(host).settings)


# The parameters' names are a contract: pyinfra passes state and host by them.
def _commit(state: State, host: Host, plan: Plan) -> bool:  # noqa: ARG001 - a contract
    """Return whether it went well: pyinfra prints the trace of what is raised."""
    planned(plan)
    observe.forget(host)
    try:
        with phase(plan.topic):
            carry_out(host, plan)
    except KeepgateError as error:
        if isinstance(error, (Refused, RolledBack)):
            untouched(plan)
        failed(error)
        return False
    notice(f"{plan.topic}: confirmed by a fresh login")
    return True


def _fail(state: State, host: Host, error: KeepgateError) -> bool:  # noqa: ARG001 - a contract
    failed(error)
    return False
