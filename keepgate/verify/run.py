"""All hosts of an inventory, several at a time, into one report."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Final

from deploys.common.errors import KeepgateError, Unreachable
from keepgate.report.model import HostReport, Report, Snapshot
from keepgate.verify import baseline
from keepgate.verify.connection import connect
from keepgate.verify.runner import USUAL, Scope, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from deploys.edge import Target

AT_ONCE: Final = 4
"""Hosts that are checked at the same time."""


def verify(
    targets: Iterable[Target],
    *,
    inventory: str,
    before: Mapping[str, Snapshot] | None = None,
    scope: Scope = USUAL,
    told: Callable[[str, str], None] = lambda _name, _text: None,
) -> Report:
    """Return what the checks find on *targets*.

    The first whole look at a host is remembered as its baseline; *before* names
    others. *told* gets (host, text) as the work goes on, from any thread.
    """
    started = time.monotonic()

    def one(target: Target) -> HostReport:
        return _one(target, before, scope, told)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verify") as pool:
        hosts = tuple(pool.map(one, targets))
    return Report(
        keepgate=version("keepgate"),
        inventory=inventory,
        taken=datetime.now(UTC).replace(microsecond=0),
        seconds=round(time.monotonic() - started, 2),
        hosts=hosts,
    )


def _one(
    target: Target,
    before: Mapping[str, Snapshot] | None,
    scope: Scope,
    told: Callable[[str, str], None],
) -> HostReport:
    known = before.get(target.name) if before else baseline.remembered(target)
    after: Snapshot | None = None
    error, fix, reachable = "", "", True
    try:
        told(target.name, "connecting")
        with connect(target) as opened:
            told(target.name, f"checking as {opened.user}")
            after = run(target, opened, scope)
    except Unreachable as problem:
        error, fix, reachable = problem.message, problem.fix, False
    except KeepgateError as problem:
        error, fix = problem.message, problem.fix
    except TimeoutExpired as problem:
        error = f"the checks did not end within {problem.timeout:.0f} s"
        fix = "look at the host's load, then try again"
    if after is not None and not scope.topics:
        baseline.offer(target, after)
    if known is not None and scope.topics:
        known = known.only(scope.topics)
    told(target.name, "could not be checked" if error else "done")
    return HostReport(
        name=target.name,
        address=target.address,
        port=target.port,
        before=known,
        after=after,
        error=error,
        fix=fix,
        reachable=reachable,
    )
