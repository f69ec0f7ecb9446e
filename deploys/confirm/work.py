"""A plan made ready for a commit: numbered, named, described; pure data."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploys.common.changes import Directory, FileState, Foreign

if TYPE_CHECKING:
    from deploys.common.changes import Action, Commit, FileChange, Plan

ID_LENGTH = 16


class UnfitPlanError(ValueError):
    """A plan that cannot be commit-confirmed: a mistake of the topic."""


def sha256(content: bytes) -> str:
    """Return the digest of *content* as `sha256sum` prints it."""
    return hashlib.sha256(content).hexdigest()


def describe(state: FileState | Directory | None) -> str:
    """Return a state in the one-line form that the host's texts compare."""
    match state:
        case None:
            return "absent"
        case FileState(content=content, user=user, group=group, mode=mode):
            return f"file:{sha256(content)}:{user}:{group}:{mode:o}"
        case Directory(user=user, group=group, mode=mode):
            return f"dir:{user}:{group}:{mode:o}"


@dataclass(frozen=True)
class Entry:
    """One path of a commit and the names of its staged copies.

    *new* is the staged content (empty if nothing is written), *old* the staged
    former content (empty if there was no file); both lie in *folder*, on the
    file system of the target, so that switching and restoring are renames.
    """

    number: int
    path: str
    before: FileState | Directory | None
    after: FileState | Directory | None
    folder: str
    id: str

    @property
    def new(self) -> str:
        """Where the coming content is staged."""
        return self._staged("new") if isinstance(self.after, FileState) else ""

    @property
    def old(self) -> str:
        """Where the former content is kept."""
        return self._staged("old") if isinstance(self.before, FileState) else ""

    def _staged(self, kind: str) -> str:
        # No suffix that a `conf.d` reader takes, and a dot, which sudo skips.
        return posixpath.join(self.folder, f".keepgate-{self.id}-{self.number}.{kind}")

    @property
    def opens_folder(self) -> bool:
        """Whether validating needs a private copy of the folder.

        A file that exists is bound over; one that comes or goes changes the
        folder itself.
        """
        return self.before is None or self.after is None


@dataclass(frozen=True)
class Step:
    """One action of a commit with the number of its mark on the host."""

    number: int
    action: Action


@dataclass(frozen=True)
class Work:
    """Everything the host's texts are rendered from.

    *nonce* is known to the controller only until the proving login writes it;
    the host holds its digest, of which *id* is the beginning.
    """

    topic: str
    nonce: str
    owner: str
    timeout: int
    commit: Commit
    entries: tuple[Entry, ...]
    before: tuple[Step, ...]
    after: tuple[Step, ...]

    @property
    def id(self) -> str:
        """The commit's public name."""
        return sha256(self.nonce.encode())[:ID_LENGTH]

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders whose entries change, to be flushed."""
        return tuple(dict.fromkeys(posixpath.dirname(e.path) for e in self.entries))

    @property
    def staging(self) -> tuple[str, ...]:
        """Folders that exist already and hold staged copies."""
        return tuple(dict.fromkeys(e.folder for e in self.entries))

    @property
    def staged(self) -> tuple[str, ...]:
        """Every staged copy beside its target."""
        return tuple(name for e in self.entries for name in (e.new, e.old) if name)


def work(plan: Plan, *, nonce: str, owner: str, timeout: int) -> Work:
    """Return *plan* made ready to be carried out under *nonce*.

    *timeout* is in seconds. *owner* says who does it, for a second controller.

    Raises:
        UnfitPlanError: no commit in the plan, a path that is not absolute, is
            named twice or holds a line break, a change of a path's kind, or a
            step without its inverse.
    """
    if plan.commit is None:
        message = f"the plan of {plan.topic} has no commit"
        raise UnfitPlanError(message)
    steps = [Step(n, a) for n, a in enumerate((*plan.before, *plan.after), start=1)]
    for change in plan.files:
        _check(change, [c.path for c in plan.files])
    made = {c.path for c in plan.files if c.before is None and _is_folder(c.after)}
    identity = sha256(nonce.encode())[:ID_LENGTH]
    return Work(
        topic=plan.topic,
        nonce=nonce,
        owner=owner,
        timeout=timeout,
        commit=plan.commit,
        entries=tuple(
            Entry(n, c.path, _known(c), c.after, _standing(c.path, made), identity)
            for n, c in enumerate(plan.files, start=1)
        ),
        before=tuple(steps[: len(plan.before)]),
        after=tuple(steps[len(plan.before) :]),
    )


def _is_folder(state: object) -> bool:
    return isinstance(state, Directory)


def _known(change: FileChange) -> FileState | Directory | None:
    if isinstance(change.before, Foreign):
        message = f"{change.path} is a {change.before.kind}, no file"
        raise UnfitPlanError(message)
    return change.before


def _check(change: FileChange, paths: list[str]) -> None:
    path = change.path
    fault = ""
    if posixpath.normpath(path) != path or not path.startswith("/"):
        fault = "is not absolute and normal"
    elif not path.isprintable() or any(c.isspace() for c in path):
        fault = "holds white space or a control character"
    elif paths.count(path) > 1:
        fault = "is named twice"
    elif (
        change.before is not None
        and change.after is not None
        and _is_folder(change.before) != _is_folder(change.after)
    ):
        fault = "would change between file and folder"
    if fault:
        message = f"path {path!r} {fault}"
        raise UnfitPlanError(message)


def _standing(path: str, made: set[str]) -> str:
    folder = posixpath.dirname(path)
    while folder in made:
        folder = posixpath.dirname(folder)
    return folder
