"""What a host remembers of commits: is one armed, how did the last one end?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from deploys.common.batch import BatchFact
from deploys.confirm import layout as names
from deploys.confirm.layout import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output

_FOLDERS = ("armed", "rolling", "confirmed", "rolled_back")


@dataclass(frozen=True)
class Armed:
    """A commit that is not decided yet.

    *left* is in seconds, 0 when the rollback is due or going on. *watched* says
    whether a timer or a running rollback will end it; if not, an interrupted run
    left it behind and the next one undoes it.
    """

    topic: str
    owner: str
    since: str
    left: int
    watched: bool


@dataclass(frozen=True)
class Ended:
    """The last commit that was decided; times are UTC (RFC 3339).

    *report* says, a line each, what a rollback restored.
    """

    topic: str
    owner: str
    since: str
    ended: str
    confirmed: bool
    report: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What a rollback could not restore, or found changed by others."""
        return tuple(
            line for line in self.report if line.startswith(("problem:", "conflict:"))
        )


@dataclass(frozen=True)
class CommitState:
    """What a host knows of commits; *conflicts* are files kept for a look."""

    armed: Armed | None = None
    last: Ended | None = None
    conflicts: tuple[str, ...] = ()


class Commits(BatchFact[CommitState]):
    """Ask a host what it remembers of commits."""

    @override
    def sections(self) -> Mapping[str, str]:
        """Return the reading commands; nothing is an error on a fresh host."""
        state = HOST.state
        texts = {
            f"{kind}:{folder}": f"cat {state}/{folder}/{kind}"
            for folder in _FOLDERS
            for kind in ("record", "report")
        }
        show = "systemctl show --property=ActiveState --value"
        return {
            **texts,
            "uptime": "cut -d. -f1 /proc/uptime",
            "timer": f"{show} {names.TIMER}",
            "service": f"{show} {names.SERVICE}",
            "conflicts": f"ls -A {state}/../conflicts",
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> CommitState:
        """Return the state that *answers* tell."""
        return CommitState(
            armed=_armed(answers),
            last=_last(answers),
            conflicts=tuple(answers["conflicts"].lines),
        )


def _record(answers: Mapping[str, Output], folder: str) -> dict[str, str]:
    pairs = (line.partition(" ") for line in answers[f"record:{folder}"].lines)
    return {key: value for key, _, value in pairs}


def _armed(answers: Mapping[str, Output]) -> Armed | None:
    for folder in ("armed", "rolling"):
        record = _record(answers, folder)
        if record:
            left = int(record["deadline"]) - int(answers["uptime"].text)
            timer = answers["timer"].text.strip() == "active"
            return Armed(
                topic=record["topic"],
                owner=record["owner"],
                since=record["since"],
                left=max(0, left) if timer else 0,
                watched=timer or answers["service"].text.strip() == "activating",
            )
    return None


def _last(answers: Mapping[str, Output]) -> Ended | None:
    for folder in ("confirmed", "rolled_back"):
        record = _record(answers, folder)
        if record:
            return Ended(
                topic=record["topic"],
                owner=record["owner"],
                since=record["since"],
                ended=record.get("ended", ""),
                confirmed=folder == "confirmed",
                report=tuple(answers[f"report:{folder}"].lines),
            )
    return None
