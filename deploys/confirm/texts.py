"""The POSIX sh texts that a commit runs on the host, rendered; nothing is run here.

Every text is one function called on its last line: when the connection breaks
while it is sent, the shell meets an unfinished function and does nothing.
"""

from __future__ import annotations

import base64
import posixpath
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploys.common.changes import Directory, FileState
from deploys.common.templates import render
from deploys.confirm import layout as names
from deploys.confirm.layout import HOST, Layout
from deploys.confirm.work import UnfitPlanError, describe, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploys.confirm.work import Entry, Step, Work

MAX_ARGUMENT = 128 * 1024 - 1
"""Bytes of one program argument on Linux (MAX_ARG_STRLEN, execve(2))."""

HISTORY = 10
"""How many former commits a host remembers."""

STEP_SECONDS = 60
"""Seconds after which a rollback ends a step that hangs, and goes on."""

_BOOT_WANTS = "sysinit.target.wants"
_FINISH_WANTS = "multi-user.target.wants"


def as_argument(text: str) -> str:
    """Return *text* as `systemd-run` must be given it to run it unchanged.

    The manager expands `$NAME` in the arguments of a service (systemd.service(5),
    "Command lines").

    Raises:
        UnfitPlanError: it is longer than the kernel passes to a program.
    """
    argument = text.replace("$", "$$")
    if len(argument.encode()) > MAX_ARGUMENT:
        message = f"the commit needs a text of {len(argument)} bytes: split the plan"
        raise UnfitPlanError(message)
    return argument


def as_timer_argument(text: str, argument: str) -> str:
    """Return a shell text that runs *text* with *argument*, for a unit that waits.

    The manager writes such a unit down and reads it again at every `daemon-reload`,
    and each time doubles its dollars: there may be none in it.

    Raises:
        UnfitPlanError: it is longer than the kernel passes to a program.
    """
    encoded = base64.b64encode(text.encode()).decode()
    return as_argument(f"echo {encoded} | base64 -d | /bin/sh -s {argument}")


def in_unit_file(text: str) -> str:
    """Return *text* for a double-quoted argument of ExecStart= in a unit file.

    See systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers".
    """
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    escapes |= {"$": "$$", "%": "%%"}
    return "".join(escapes.get(character, character) for character in text)


def needed_seconds(timeout: int) -> int:
    """Return how many seconds must be left for the switch to begin."""
    return max(3, timeout // 3)


def _q(values: Sequence[str]) -> list[str]:
    return [shlex.quote(value) for value in values]


@dataclass(frozen=True)
class _Unit:
    """A unit file of the commit, and the link that enables it."""

    path: str
    link: str
    target: str
    content: str
    digest: str


class Texts:
    """Renders the texts of one commit for one layout of the host."""

    def __init__(self, work: Work, layout: Layout = HOST) -> None:
        self._work = work
        self._layout = layout
        self._boot = f"{names.BOOT_PREFIX}{work.id}.service"
        self._finish = f"{names.FINISH_PREFIX}{work.id}.service"

    def prepare(self) -> str:
        """Text that snapshots, stages and arms; ends in `armed` or says why not."""
        rollback = self.rollback()
        units = [
            self._unit(self._boot, "confirm/boot.service.j2", _BOOT_WANTS, rollback),
            self._unit(
                self._finish, "confirm/finish.service.j2", _FINISH_WANTS, rollback
            ),
        ]
        return self._render(
            "prepare",
            topic=shlex.quote(self._work.topic),
            owner=shlex.quote(self._work.owner),
            timeout=self._work.timeout,
            nonce_digest=sha256(self._work.nonce.encode()),
            history=HISTORY,
            unit=names.TIMER.removesuffix(".timer"),
            boot_definitions=units,
            boot_unit_paths=[unit.path for unit in units],
            rollback_argument=shlex.quote(as_timer_argument(rollback, "all")),
        )

    def rollback(self) -> str:
        """Text that undoes the commit; its argument is all, boot or finish."""
        return self._render(
            "rollback",
            revert=shlex.quote(self._work.commit.revert or ":"),
            patience=STEP_SECONDS,
        )

    def whole(self) -> str:
        """Text that shows the validation the host as it will be."""
        opened = sorted({e.folder for e in self._work.entries if e.opens_folder})
        return self._render(
            "whole",
            opened=_q(opened),
            validate=shlex.quote(self._work.commit.validate or ":"),
        )

    def switch(self) -> str:
        """Text of the switch's unit; reads the nonce from standard input."""
        return self._render(
            "switch",
            least=needed_seconds(self._work.timeout),
            whole=shlex.quote(self.whole()),
            activate=shlex.quote(self._work.commit.activate or ":"),
        )

    def run_switch(self) -> str:
        """Text that starts the switch and waits for it; ends in `switched`."""
        return self._render(
            "run_switch",
            nonce=shlex.quote(self._work.nonce),
            switch_unit=names.SWITCH.removesuffix(".service"),
            switch_argument=shlex.quote(as_argument(self.switch())),
        )

    def confirm(self) -> str:
        """Text that the proving login runs; ends in `confirmed` or says why not."""
        return self._render("confirm", nonce=shlex.quote(self._work.nonce))

    def evidence(self, seconds: int) -> str:
        """Text that looks for *seconds* at most; ends in `proved` or says why not."""
        return self._render("evidence", left=seconds, look=self._work.commit.evidence)

    def roll_back(self) -> str:
        """Text that ends the commit now, if it is still armed; ends in `ended`."""
        return self._render("roll_back")

    def outcome(self) -> str:
        """Text that tells what became of the commit, and its report."""
        return self._render("outcome")

    def _unit(self, name: str, template: str, wants: str, rollback: str) -> _Unit:
        later = dict.fromkeys((*names.ALWAYS_LATER, *self._work.commit.units))
        content = render(
            template,
            state=self._layout.state,
            boot_unit=self._boot,
            before_units=list(later),
            text=in_unit_file(rollback),
        )
        return _Unit(
            path=shlex.quote(posixpath.join(self._layout.units, name)),
            link=shlex.quote(posixpath.join(self._layout.units, wants, name)),
            target=f"../{name}",
            content=_base64(content),
            digest=sha256(content),
        )

    def _render(self, name: str, **values: object) -> str:
        work, layout = self._work, self._layout
        opened = {e.folder for e in work.entries if e.opens_folder}
        units = (self._boot, self._finish)
        wants = ((_BOOT_WANTS, self._boot), (_FINISH_WANTS, self._finish))
        files = [
            *(posixpath.join(layout.units, unit) for unit in units),
            *(posixpath.join(layout.units, *pair) for pair in wants),
        ]
        common: dict[str, Any] = {
            "id": work.id,
            "search": shlex.quote(layout.search),
            "state": shlex.quote(layout.state),
            "run": shlex.quote(layout.run),
            "units": shlex.quote(layout.units),
            "boot_wants": _BOOT_WANTS,
            "finish_wants": _FINISH_WANTS,
            "boot_files": _q(files),
            "boot_prefix": names.BOOT_PREFIX,
            "finish_prefix": names.FINISH_PREFIX,
            "timer": names.TIMER,
            "service": names.SERVICE,
            "switch": names.SWITCH,
            "staged": _q(work.staged),
            "folders": _q(work.folders),
            "staging": _q(work.staging),
            "entries": [_entry(e, opened=opened) for e in work.entries],
            "before": [_step(s) for s in work.before],
            "after": [_step(s) for s in work.after],
        }
        return render(f"confirm/{name}.sh.j2", **common, **values).decode()


def _base64(content: bytes) -> str:
    return base64.encodebytes(content).decode().rstrip("\n")


def _digest(state: FileState | Directory | None) -> str:
    return sha256(state.content) if isinstance(state, FileState) else ""


def _entry(entry: Entry, *, opened: set[str]) -> dict[str, Any]:
    before, after = entry.before, entry.after
    return {
        "number": entry.number,
        "path_q": shlex.quote(entry.path),
        "before_q": shlex.quote(describe(before)),
        "after_q": shlex.quote(describe(after)),
        "before_digest": _digest(before),
        "after_digest": _digest(after),
        "new": bool(entry.new),
        "new_q": shlex.quote(entry.new),
        "old": bool(entry.old),
        "old_q": shlex.quote(entry.old),
        "content": _base64(after.content) if isinstance(after, FileState) else "",
        "opened": entry.folder in opened,
        "makes_directory": isinstance(after, Directory) and before is None,
        "dresses_directory": isinstance(after, Directory) and before is not None,
        "removes": after is None,
        "remover": "rmdir" if isinstance(before, Directory) else "rm -f",
        "after_mode": f"{after.mode:o}" if after is not None else "",
        "after_owner": shlex.quote(f"{after.user}:{after.group}") if after else "",
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "summary_q": shlex.quote(step.action.summary),
        "undone_q": shlex.quote(f"undid: {step.action.summary}"),
        "do_q": shlex.quote(step.action.do),
        "undo_q": shlex.quote(step.action.undo or ":"),
        "has_undo": bool(step.action.undo),
    }
