"""Plans carried out as operations of pyinfra.

Whatever goes wrong fails one host and never the run of the others: pyinfra takes
an exception in an operation's body for the end of everything, so it is handed
over as a command that fails (see `failing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyinfra import host
from pyinfra.api import FunctionCommand, operation

from deploys.common import carry, observe, progress, remote
from deploys.common.errors import KeepgateError, Refused
from deploys.edge import settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pyinfra.api import State
    from pyinfra.api.host import Host

    from deploys.common.changes import Plan
    from deploys.common.topic import Topic

LIMIT: Final = 1800
"""Seconds that carrying out one plan may take; packages need most of them."""


@operation()
def converge(topic: Topic) -> Generator[FunctionCommand, None, None]:
    """Make *topic* as its settings say; nothing is done where it is already so.

    Atomic per file, not as a whole: the steps before one that fails stand, and
    the next run goes on from what it observes. A plan that needs confirmation is
    for `deploys.confirm.operations.commit`.

    + topic: the topic, with its fact and its plan
    """
    yield from carried(topic, _converge)


def carried(
    topic: Topic, how: Callable[[Host, Plan], None]
) -> Generator[FunctionCommand, None, None]:
    """Yield the command that lets *how* carry out what *topic* plans, if anything.

    For the body of an operation; runs on the host in context.
    """
    try:
        plan = observe.plan_of(host, topic, settings_for(host))
    except Exception as error:  # noqa: BLE001 - one host fails, the run goes on
        yield failing(error)
        return
    if plan.refusals:
        yield failing(Refused(plan.refusals))
    elif plan:
        yield FunctionCommand(_carried, (plan, how), {})
    else:
        host.noop(f"{topic.name} is as it should be")


def failing(error: Exception) -> FunctionCommand:
    """Return a command that fails its host, and no other, with *error*."""
    return FunctionCommand(_fail, (error,), {})


# pyinfra passes these by name.
def _fail(state: State, host: Host, error: Exception) -> bool:  # noqa: ARG001 - a contract
    """Tell what is known; of what is not, pyinfra prints the trace."""
    if not isinstance(error, KeepgateError):
        raise error
    progress.failed(error)
    return False


def _carried(
    state: State,
    host: Host,
    plan: Plan,
    how: Callable[[Host, Plan], None],
) -> bool:
    observe.forget(host)
    progress.planned(plan)
    try:
        with progress.phase(plan.topic):
            how(host, plan)
    except KeepgateError as error:
        if isinstance(error, Refused):
            progress.untouched(plan)
        return _fail(state, host, error)
    return True


def _converge(on: Host, plan: Plan) -> None:
    if plan.commit is not None:
        message = f"the plan of {plan.topic} is to be confirmed"
        raise TypeError(message)
    job = carry.job(plan)
    job.judge(remote.run(on, job.text, seconds=LIMIT))
