"""The controller of one commit, as a process that a test may kill.

Called as `python -m gevent.monkey worker.py SPEC`, SPEC a JSON file. It prints a
line when a phase begins (`phase arm`) and one at the end (`end {...}`). With
`"hold": PHASE` it stops as that phase begins until a line arrives on standard input;
with `"die": PHASE` it ends by SIGKILL there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from typing_extensions import override

from deploys.common import files, observe, progress
from deploys.common.changes import (
    Action,
    Commit,
    Directory,
    FileState,
    Plan,
)
from deploys.common.errors import KeepgateError
from deploys.confirm import operations, phases
from deploys.edge import Target
from keepgate.engine.connect import connect

if TYPE_CHECKING:
    from pyinfra.api.host import Host


def say(word: str, rest: str) -> None:
    """Tell the test something, at once."""
    sys.stdout.write(f"{word} {rest}\n")
    sys.stdout.flush()


class Ending(progress.Listener):
    """Remembers how a run of topics ended."""

    def __init__(self) -> None:
        self.error: KeepgateError | None = None

    @override
    def failed(self, error: KeepgateError) -> None:
        self.error = error


def watch(spec: dict[str, Any]) -> None:
    """Announce phases, and stop or die at the one that the test names."""

    def observer(phase: phases.Phase) -> None:
        say("phase", phase.value)
        if spec.get("die") == phase.value:
            os.kill(os.getpid(), signal.SIGKILL)
        if spec.get("hold") == phase.value:
            sys.stdin.readline()

    phases.OBSERVERS.append(observer)


def plan_of(host: Host, spec: dict[str, Any]) -> Plan:
    """Return the plan that *spec* describes, seen from the host as it is."""
    wanted: dict[str, FileState | Directory | None] = {}
    answers = observe.ask(host, files.sections(f["path"] for f in spec["files"]))
    seen = files.observed(answers)
    for file in spec["files"]:
        old = seen[file["path"]]
        content = file.get("content", "")
        if "append" in file or "replace" in file:
            assert isinstance(old, FileState)
            content = old.content.decode() + file.get("append", "")
        for before, after in file.get("replace", {}).items():
            assert before in content
            content = content.replace(before, after)
        mode = int(file.get("mode", "644"), 8)
        if file.get("remove"):
            wanted[file["path"]] = None
        elif file.get("folder"):
            wanted[file["path"]] = Directory()
        else:
            wanted[file["path"]] = FileState(content.encode(), mode=mode)
    return Plan(
        spec.get("topic", "trial"),
        before=tuple(Action(**step) for step in spec.get("before", ())),
        files=files.changes(wanted, seen),
        after=tuple(Action(**step) for step in spec.get("after", ())),
        commit=Commit(
            spec["validate"],
            spec["activate"],
            spec["revert"],
            refused=tuple(spec.get("refused", ())),
            password_refused=spec.get("password_refused", False),
        ),
    )


def main() -> None:
    """Carry out what the spec asks for."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    target = Target.model_validate_json(json.dumps(spec["target"]), strict=True)
    ending = Ending()
    progress.listen(ending)
    watch(spec)
    try:
        state, host = connect(target)
        if "topics" in spec:
            for topic in spec["topics"]:
                add_op(state, operations.commit, topic)
            run_ops(state)
        else:
            operations.carry_out(host, plan_of(host, spec))
    except KeepgateError as error:
        ending.error = error
    except Exception as error:
        if ending.error is None:
            say("end", json.dumps({"status": "crashed", "message": repr(error)}))
            raise
    say("end", json.dumps(told(ending.error)))


def told(error: KeepgateError | None) -> dict[str, Any]:
    """Return how the commit ended, for the test."""
    if error is None:
        return {"status": "confirmed"}
    report = list(getattr(error, "report", ()))
    said = {"status": error.status, "message": error.message, "fix": error.fix}
    return {**said, "report": report}


if __name__ == "__main__":
    main()
