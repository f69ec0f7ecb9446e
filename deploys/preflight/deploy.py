"""The preflight as a topic and as an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyinfra import host
from pyinfra.api import FunctionCommand, operation

from deploys.common import observe, progress
from deploys.common.errors import Refused
from deploys.common.operations import failing
from deploys.common.topic import Topic
from deploys.edge import settings_for
from deploys.preflight.facts import PreflightFact
from deploys.preflight.plan import plan

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

PREFLIGHT = Topic(name="preflight", title="Preflight", fact=PreflightFact, plan=plan)


@operation()
def preflight(topics: Sequence[Topic]) -> Generator[FunctionCommand, None, None]:
    """Refuse a host that must not be touched, with every reason at once.

    Asks *topics* (of which `PREFLIGHT` is the first) in one command and remembers
    what they plan. Never a change: there is a command only for a host that fails.

    + topics: all that will be carried out, in order
    """
    try:
        with progress.phase("preflight"):
            plans = observe.survey(host, topics, settings_for(host))
    except Exception as error:  # noqa: BLE001 - one host fails, the run goes on
        yield failing(error)
        return
    for planned in plans:
        for note in planned.notes:
            progress.notice(f"{planned.topic}: {note}")
    refusals = [refusal for planned in plans for refusal in planned.refusals]
    if not refusals:
        host.noop("nothing speaks against touching the host")
        return
    yield failing(Refused(refusals))
