"""What is known of each host's run, told by events; the JSON document of a run."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from keepgate.engine import events

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_STARTED = "not started"


@dataclass
class HostRun:
    """All that is known of one host's run."""

    name: str
    began: float | None = None
    seconds: float = 0.0
    user: str = ""
    phase: str = "waiting"
    phases: list[events.PhaseEnded] = field(default_factory=list)
    plans: list[events.Planned] = field(default_factory=list)
    notices: list[events.Notice] = field(default_factory=list)
    end: events.Ended | None = None

    @property
    def status(self) -> str:
        """How the run ended, `not started` if it never began."""
        return self.end.status if self.end else NOT_STARTED

    @property
    def memory(self) -> dict[str, int]:
        """What the worker's memory was in the end, in kB; empty if not known."""
        found: dict[str, int] = self.end.facts.get("memory", {}) if self.end else {}
        return found

    @property
    def lasted(self) -> float:
        """Seconds since it began, or that it took."""
        if self.end is not None or self.began is None:
            return self.seconds
        return time.monotonic() - self.began

    @property
    def drawing(self) -> tuple[int, int, int]:
        """What the run took: connections, channels, bytes."""
        return (
            sum(phase.connections for phase in self.phases),
            sum(phase.channels for phase in self.phases),
            sum(phase.received + phase.sent for phase in self.phases),
        )

    def take(self, event: events.Event) -> None:
        """Take what *event* tells."""
        match event:
            case events.Began():
                self.began = time.monotonic()
            case events.Connected(user=user):
                self.user = user
            case events.PhaseStarted(name=phase):
                self.phase = phase
            case events.Commit(step=step):
                self.phase = f"{self.phase.partition(':')[0]}: {step}"
            case events.PhaseEnded():
                self.phases.append(event)
            case events.Planned():
                self.plans.append(event)
            case events.Notice():
                self.notices.append(event)
            case events.Ended():
                self.seconds = self.lasted
                self.end = event
                self.phase = ""

    def document(self) -> dict[str, Any]:
        """Return the host's part of the JSON document."""
        end = self.end or events.Ended("failed")
        return {
            "host": self.name,
            "status": self.status,
            "login": self.user,
            "seconds": round(self.seconds, 3),
            "changes": end.changes,
            "message": end.message,
            "fix": end.fix,
            "problems": [asdict(problem) for problem in end.problems],
            "report": end.report,
            "plans": [asdict(plan) for plan in self.plans],
            "notices": [asdict(notice) for notice in self.notices],
            "phases": [asdict(phase) for phase in self.phases],
            **end.facts,
        }


def document(command: str, status: int, runs: Iterable[HostRun]) -> dict[str, Any]:
    """Return the JSON document of a command: one entry per host."""
    return {
        "command": command,
        "exit": status,
        "hosts": [run.document() for run in runs],
        "memory": {"parent_max_rss_kb": max_rss()},
    }


def max_rss() -> int:
    """Return the most memory that this process had, in kB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most  # bytes there
