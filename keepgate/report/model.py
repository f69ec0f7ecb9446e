"""What `verify` found, as data: the document that `--json` prints.

The JSON schema of `Report` is docs/report.schema.json; version 1 only ever gains
optional keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from deploys.common.model import Model
from keepgate.report.story import Story

Outcome = Literal["passed", "failed", "not_observed"]
Severity = Literal["high", "medium", "low"]

SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")
TOPICS: Final = {
    "accounts": "Accounts",
    "ssh": "SSH server",
    "firewall": "Firewall",
    "fail2ban": "Bans",
    "updates": "Updates",
    "agent": "Login",
    "caddy": "Web server",
    "outside": "Seen from outside",
}
"""Topics in the order of the report, with their headings."""


class Finding(Model):
    """What one check found on one host."""

    id: str = Field(description="Stable id of the control.")
    topic: str = Field(description="Room of the house the control belongs to.")
    title: str = Field(description="What holds on a hardened host.")
    severity: Severity = Field(description="How much it matters.")
    refs: tuple[str, ...] = Field(description="Items of reference lists it answers.")
    outcome: Outcome = Field(
        description="`not_observed`: this host, or the place we look from, cannot "
        "show it; never counted as passed."
    )
    observed: tuple[str, ...] = Field(description="What was seen, one thing each.")
    reason: str = Field(description="Why it did not pass; empty if it did.")
    remedy: str = Field(description="What to do when it does not hold.")
    seconds: float = Field(description="How long the check took.")


class Waiver(Model):
    """An item of a reference list that is not met on purpose."""

    item: str = Field(description="The item.")
    asks: str = Field(description="What it asks for.")
    we: str = Field(description="What the hardened host has instead.")
    reason: str = Field(description="Why.")


@dataclass(frozen=True)
class Tally:
    """How many controls hold, do not hold, or could not be observed."""

    passed: int
    failed: int
    not_observed: int

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Tally:
        """Count *findings* by outcome."""
        outcomes = [finding.outcome for finding in findings]
        return cls(
            outcomes.count("passed"),
            outcomes.count("failed"),
            outcomes.count("not_observed"),
        )

    @property
    def observed(self) -> int:
        """How many could be judged."""
        return self.passed + self.failed

    @property
    def percent(self) -> int:
        """How many of those that could be judged hold; 100 only if all do."""
        return self.passed * 100 // self.observed if self.observed else 0


class Snapshot(Model):
    """One host at one time."""

    taken: datetime = Field(description="When the checks ended (UTC).")
    login: str = Field(description="Account the checks were made with.")
    facts: dict[str, str] = Field(description="What kind of host it is.")
    seconds: float = Field(description="How long all checks took together.")
    timings: dict[str, float] = Field(
        default={},
        description="Seconds of each part; those seen from outside run side by side.",
    )
    findings: tuple[Finding, ...] = Field(description="In the order of the report.")
    waivers: tuple[Waiver, ...] = Field(description="Deviations on purpose.")

    @property
    def tally(self) -> Tally:
        """The counts of all findings."""
        return Tally.of(self.findings)

    def only(self, topics: Collection[str]) -> Snapshot:
        """Return the same with the findings of *topics* alone."""
        kept = tuple(f for f in self.findings if f.topic in topics)
        return self.model_copy(update={"findings": kept})

    def of_severity(self, severity: Severity) -> Tally:
        """Return the counts of one severity."""
        return Tally.of(f for f in self.findings if f.severity == severity)

    def of_topic(self, topic: str) -> tuple[Finding, ...]:
        """Return the findings of one topic."""
        return tuple(f for f in self.findings if f.topic == topic)

    def finding(self, control: str) -> Finding | None:
        """Return the finding of the control with that id, if it was made."""
        return next((f for f in self.findings if f.id == control), None)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that do not hold, gravest first."""
        failed = (f for f in self.findings if f.outcome == "failed")
        return tuple(sorted(failed, key=lambda f: SEVERITIES.index(f.severity)))


class HostReport(Model):
    """One host of a report: as it is, and as it was when it was first seen."""

    name: str = Field(description="Name in the inventory.")
    address: str = Field(description="Where it was reached.")
    port: int = Field(description="SSH port.")
    before: Snapshot | None = Field(description="The baseline, if there is one.")
    after: Snapshot | None = Field(description="What was found now.")
    error: str = Field(default="", description="Why the host could not be checked.")
    fix: str = Field(default="", description="What to do about that.")
    reachable: bool = Field(default=True, description="Whether it could be reached.")

    @property
    def ok(self) -> bool:
        """Whether every check that could be made holds."""
        return self.after is not None and self.after.tally.failed == 0


class Report(Model):
    """What one `verify` found on all its hosts."""

    version: Literal[1] = Field(default=1, description="Version of this document.")
    keepgate: str = Field(description="Version of Keepgate.")
    inventory: str = Field(description="File name of the inventory.")
    taken: datetime = Field(description="When the run ended (UTC).")
    seconds: float = Field(description="How long the run took.")
    hosts: tuple[HostReport, ...] = Field(description="In the inventory's order.")
    story: Story | None = Field(
        default=None, description="What a demo shows beside; none of `verify`."
    )

    @property
    def ok(self) -> bool:
        """Whether every check that could be made holds on every host.

        With a story, also whether that came out as it shall.
        """
        told = self.story is None or self.story.ok
        return told and all(host.ok for host in self.hosts)
