"""What a worker tells: one JSON line per event, from the worker to the parent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

Status = Literal["ok", "changed", "failed", "refused", "rolled_back", "unreachable"]
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Began:
    """The host's turn has come; told by the parent itself."""


@dataclass(frozen=True)
class Connected:
    """A login as *user* at *address* succeeded."""

    user: str
    address: str


@dataclass(frozen=True)
class PhaseStarted:
    """A part of the run begins."""

    name: str


@dataclass(frozen=True)
class PhaseEnded:
    """A part of the run ended; what it took: seconds, and what crossed the wire."""

    name: str
    seconds: float
    connections: int
    channels: int
    received: int
    sent: int


@dataclass(frozen=True)
class Commit:
    """A commit-confirmed change goes on to *step*; *armed*: the host may undo it."""

    step: str
    armed: bool


@dataclass(frozen=True)
class Notice:
    """A remark for the operator, one sentence."""

    level: Level
    text: str


@dataclass(frozen=True)
class Diff:
    """One file's change; *text* is a unified diff."""

    path: str
    text: str


@dataclass(frozen=True)
class Planned:
    """What a topic changes or would change, in order; *diffs* of its files."""

    topic: str
    summaries: list[str]
    diffs: list[Diff] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """Why a host is not touched, and what to do about it."""

    code: str
    message: str
    fix: str


@dataclass(frozen=True)
class Ended:
    """The end of the run on one host; always the last event.

    *report* says, a line each, what a rollback did. *problems* are all the reasons
    for a refusal. *facts* holds what the command asked for (host keys, standing).
    """

    status: Status
    changes: int = 0
    message: str = ""
    fix: str = ""
    report: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


Event: TypeAlias = (
    Began | Connected | PhaseStarted | PhaseEnded | Commit | Notice | Planned | Ended
)
_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Began,
        Connected,
        PhaseStarted,
        PhaseEnded,
        Commit,
        Notice,
        Planned,
        Ended,
    )
}


def encode(event: Event) -> bytes:
    """Return *event* as one line of JSON."""
    body = {"event": type(event).__name__, **asdict(event)}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Event:
    """Return the event that *line* holds.

    Raises:
        ValueError: it holds none.
    """
    try:
        body = json.loads(line)
        kind = _KINDS[body.pop("event")]
        if kind is Planned:
            body["diffs"] = [Diff(**diff) for diff in body["diffs"]]
        elif kind is Ended:
            body["problems"] = [Problem(**problem) for problem in body["problems"]]
        return kind(**body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        message = f"no event: {line[:80]!r}"
        raise ValueError(message) from error
