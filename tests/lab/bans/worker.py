"""Converges bans and updates on one host as a run does, in a process of its own.

Called as `worker.py SPEC`, SPEC a JSON file with a `target`. It prints one JSON object
on its last line: what was done, and how it ended.
"""

# ruff: noqa: E402 - gevent patches first, everything else is imported after it

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json
import sys
from pathlib import Path
from typing import Any

from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from typing_extensions import override

from deploys.common import packages, progress
from deploys.common.changes import Plan
from deploys.common.errors import KeepgateError
from deploys.common.operations import converge
from deploys.edge import Target
from deploys.fail2ban.deploy import TOPIC as BANS
from deploys.updates.deploy import TOPIC as UPDATES
from keepgate.engine.connect import connect


class Told(progress.Listener):
    """Remembers what was planned and how it ended."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.error: KeepgateError | None = None

    @override
    def planned(self, plan: Plan) -> None:
        self.plans.append(plan)

    @override
    def failed(self, error: KeepgateError) -> None:
        self.error = error


def steps(plan: Plan) -> list[str]:
    """Return what *plan* would do, a line each."""
    return [
        *(action.summary for action in plan.before),
        *(change.summary for change in plan.files),
        *(action.summary for action in plan.after),
    ]


def main() -> None:
    """Carry out what the spec asks for."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    target = Target.model_validate_json(json.dumps(spec["target"]), strict=True)
    told = Told()
    progress.listen(told)
    try:
        state, _ = connect(target)
        for topic in (packages.topic((BANS, UPDATES)), BANS, UPDATES):
            add_op(state, converge, topic)
        run_ops(state)
    except KeepgateError as error:
        told.error = error
    except Exception:
        if told.error is None:
            raise
    sys.stdout.write(
        json.dumps(
            {
                "steps": [step for plan in told.plans for step in steps(plan)],
                "error": told.error.message if told.error else "",
                "output": getattr(told.error, "output", ""),
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
