"""A plan as one POSIX sh text that carries it out, and what became of it."""

from __future__ import annotations

import base64
import posixpath
import secrets
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploys.common import remote
from deploys.common.changes import Directory, FileState
from deploys.common.errors import StepFailed
from deploys.common.hints import explain
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.common.changes import Action, FileChange, Plan

_LINE = 76


@dataclass(frozen=True)
class Job:
    """A text that carries out a plan; *summaries* name its steps in order.

    *token* begins the lines by which the text tells which step it is at.
    """

    topic: str
    text: str
    token: str
    summaries: tuple[str, ...]

    def judge(self, reply: remote.Reply) -> None:
        """Return if the text came to its end.

        Raises:
            StepFailed: it did not; says at which step, and why.
        """
        marks = [line for line in reply.lines if line.startswith(f"{self.token} ")]
        if reply.ok and marks[-1:] == [f"{self.token} done"]:
            return
        reached = int(marks[-1].split()[1]) if marks else 0
        step = ("getting ready", *self.summaries)[reached]
        said = [line for line in reply.lines if line not in marks]
        output = "\n".join((*said, *reply.errors)).strip()
        cause, fix = explain(output)
        done = f"the {reached - 1} steps before it stand; " if reached > 1 else ""
        message = f"{self.topic}: '{step}' failed: {cause}"
        raise StepFailed(message, f"{done}{fix}", step=step, output=output)


def job(plan: Plan) -> Job:
    """Return the text that carries *plan* out, step by step, until one fails.

    A file is replaced whole: written under another name in its own folder with
    mode 0600, given owner and mode, flushed, renamed. A symbolic link at its path
    is replaced, never followed; anything else than a file or a link is left alone
    and fails the step. Actions run under `set -eu` with standard input closed.

    Raises:
        KeepgateError: what an action needs cannot be supplied; nothing was changed.
    """
    token = f"step-{secrets.token_hex(8)}"
    steps = [
        *(_action(action) for action in plan.before),
        *(_file(change) for change in plan.files),
        *(_action(action) for action in plan.after),
    ]
    body = render(
        "common/converge.sh.j2",
        token=token,
        steps=steps,
        staged=[step["staged"] for step in steps if "staged" in step],
    ).decode()
    return Job(
        topic=plan.topic,
        text=remote.whole(body),
        token=token,
        summaries=tuple(step["summary"] for step in steps),
    )


def _action(action: Action) -> dict[str, Any]:
    supplied = action.supply() if action.supply is not None else ""
    return {"kind": "action", "summary": action.summary, "do": supplied + action.do}


def _file(change: FileChange) -> dict[str, Any]:
    folder, name = posixpath.split(change.path)
    if not change.path.startswith("/") or posixpath.normpath(change.path) != (
        change.path
    ):
        message = f"path {change.path!r} is not absolute and normal"
        raise ValueError(message)
    step: dict[str, Any] = {
        "summary": change.summary,
        "path": shlex.quote(change.path),
        "folder": shlex.quote(folder),
    }
    after = change.after
    if after is None:
        return {**step, "kind": "remove"}
    step["owner"] = shlex.quote(f"{after.user}:{after.group}")
    step["mode"] = f"{after.mode:04o}"
    match after:
        case Directory():
            return {**step, "kind": "folder"}
        case FileState(content=content):
            # No suffix that a `conf.d` reader takes, and always the same name, so
            # that what a killed run left is overwritten by the next.
            staged = posixpath.join(folder, f".keepgate-converge-{name}.new")
            encoded = base64.b64encode(content).decode()
            lines = [encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)]
            return {
                **step,
                "kind": "put",
                "staged": shlex.quote(staged),
                "content": "\n".join(lines),
            }
