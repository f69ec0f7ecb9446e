"""What a topic wants to change on a host, as data.

A topic observes (facts), plans (a pure function from settings and observation to
a `Plan`) and converges (an operation that carries the plan out). `keepgate plan`
prints the very `Plan` that `keepgate apply` carries out.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from typing_extensions import override


@dataclass(frozen=True)
class FileState:
    """A regular file on the host: content, owner and mode (0o644 style)."""

    content: bytes
    user: str = "root"
    group: str = "root"
    mode: int = 0o644


@dataclass(frozen=True)
class Directory:
    """A directory on the host with its owner and mode."""

    user: str = "root"
    group: str = "root"
    mode: int = 0o755


@dataclass(frozen=True)
class Foreign:
    """Something at a managed path that is neither file nor directory.

    *kind* is what `stat -c %F` calls it, say `symbolic link`.
    """

    kind: str


@dataclass(frozen=True)
class FileChange:
    """One path's state before and after; None means absent."""

    path: str
    before: FileState | Directory | Foreign | None
    after: FileState | Directory | None

    @property
    def summary(self) -> str:
        """One line for people: what happens to the path."""
        if self.after is None:
            return f"remove {self.path}"
        if self.before is None:
            return f"create {self.path}"
        return f"change {self.path}"

    def diff(self) -> str:
        """Return a unified diff of content, owner and mode; empty if alike."""
        return "".join(
            difflib.unified_diff(
                _lines(self.before),
                _lines(self.after),
                fromfile=self.path if self.before is not None else "/dev/null",
                tofile=self.path if self.after is not None else "/dev/null",
            )
        )


def _lines(state: FileState | Directory | Foreign | None) -> list[str]:
    match state:
        case None:
            return []
        case Foreign(kind=kind):
            return [f"# {kind}\n"]
        case Directory(user=user, group=group, mode=mode):
            return [f"# directory {user}:{group} {mode:04o}\n"]
        case FileState(content=content, user=user, group=group, mode=mode):
            text = content.decode("utf-8", "backslashreplace")
            body = [f"{line}\n" for line in text.splitlines()]
            return [f"# {user}:{group} {mode:04o}\n", *body]


@dataclass(frozen=True)
class Action:
    """A step that is no file: a user, a group, a unit.

    *do* and *undo* are POSIX sh, run as root under `set -eu`; both may be
    repeated without harm. *undo* reverses a done *do*; it is required where the
    step belongs to a commit-confirmed change and would otherwise outlive a
    rollback. *supply* makes sh that stands before *do*; it is called on the
    controller when a plan without a commit is carried out, for what is too costly
    to have while planning.

    Raises:
        KeepgateError: of *supply* alone, when it cannot be had.
    """

    summary: str
    do: str
    undo: str = ""
    supply: Callable[[], str] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Refusal:
    """Why a host is not touched, and what the operator can do about it."""

    code: str
    message: str
    fix: str

    @override
    def __str__(self) -> str:
        return f"{self.message} ({self.fix})"


@dataclass(frozen=True)
class Commit:
    """How a risky plan is switched on, undone and proved (see `deploys.confirm`).

    *validate* runs before the switch in a private mount namespace in which every
    staged file is bound over the real one; any status but 0 refuses the commit.
    *activate* makes the switched files effective, *revert* makes the restored
    ones effective; both are POSIX sh, run as root, need nothing but coreutils,
    systemd and nft, and may be repeated. The proof is a fresh login as the
    operator with `sudo -n`; besides, every account of *refused* must be turned
    away, and password logins too if *password_refused*. *units* names the units
    that read the files at boot (besides ssh's): after a restart while armed the
    files are restored before these start. *evidence* is looked at by that fresh
    login, as root, before it confirms: POSIX sh that ends with status 0 once all is
    well, and otherwise, after `$left` seconds, says on its last line what is not. With
    *by_operator* the run goes on as the operator before anything is armed: the commit
    may take rights from whoever else it works as. *remarks*, called on the controller
    once all is confirmed, with the host's address and a function that reads one of its
    files, gives what the operator should know; it undoes nothing.
    """

    validate: str
    activate: str
    revert: str
    refused: tuple[str, ...] = ()
    password_refused: bool = False
    units: tuple[str, ...] = ()
    evidence: str = ""
    by_operator: bool = False
    remarks: Callable[[str, Callable[[str], str]], Iterable[str]] | None = field(
        default=None, compare=False
    )


@dataclass(frozen=True)
class Plan:
    """All that a topic would change; empty when the host is as it should be.

    Order of carrying out: *before*, *files*, *after*. *notes* are remarks for
    the operator that ask for no change. Any *refusals* stop the whole run before
    the first change. A plan with a *commit* is commit-confirmed.
    """

    topic: str
    before: tuple[Action, ...] = ()
    files: tuple[FileChange, ...] = ()
    after: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    commit: Commit | None = None

    @property
    def changes(self) -> int:
        """How many changes the plan holds."""
        return len(self.before) + len(self.files) + len(self.after)

    def __bool__(self) -> bool:
        return self.changes > 0
