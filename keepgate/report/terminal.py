"""The report for a terminal: what does not hold first, then the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.text import Text

from keepgate.report.lines import Line, grid
from keepgate.report.model import SEVERITIES, TOPICS, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from keepgate.report.model import Finding, HostReport, Report, Snapshot
    from keepgate.report.story import Story

_STYLE: Final = {"high": "bold red", "medium": "yellow", "low": "cyan"}
_WIDTH: Final = 20  # cells of a bar


def host(report: HostReport, *, every: bool = False) -> RenderableType:
    """Return what to print of one host; *every* lists the controls that hold too.

    Print it with `soft_wrap`: it wraps by itself.
    """
    name = Text.assemble((report.name, "bold"), "  ")
    parts: list[RenderableType] = [Line(name, Text(_where(report), "dim"))]
    if report.after is None:
        parts.append(Line(Text("  ✗ ", "bold red"), Text(report.error)))
        if report.fix:
            parts.append(Line(Text("  → ", "cyan"), Text(report.fix)))
        return Group(*parts)
    parts += _counts(report.after, report.before)
    parts += _failures(report.after.failures)
    if every:
        parts += _all(report.after)
    hidden = [f for f in report.after.findings if f.outcome == "not_observed"]
    if hidden:
        ids = ", ".join(finding.id for finding in hidden)
        parts.append(Line(Text("  not observed here: ", "dim"), Text(ids, "dim")))
    return Group(*parts)


def story(told: Story) -> RenderableType:
    """Return what to print of *told*: who came to the app, and what was not so."""
    refused = sum(scene.holds for scene in told.attacks)
    mark = ("  ✓  ", "green") if told.ok else ("  ✗  ", "red")
    attacks = f"{refused} of {len(told.attacks)} attacks came to nothing"
    known = f"{told.app} knows {told.who or 'nobody'}"
    lines = [Line(Text.assemble(mark), Text(f"{known}; {attacks}"))]
    lines += [
        Line(
            Text.assemble(("  ✗  ", "red"), (scene.title, "bold"), "  "),
            Text(f"expected {scene.expected}; seen: {scene.seen}"),
        )
        for scene in told.scenes
        if not scene.holds
    ]
    return Group(*lines)


def timings(report: Report) -> RenderableType:
    """Return a table of what each part took, per host, in seconds."""
    rows: list[tuple[str | Text, ...]] = [
        tuple(Text(heading, "dim") for heading in ("host", "part", "seconds"))
    ]
    for one in report.hosts:
        found = one.after
        parts = {**found.timings, "all": found.seconds} if found else {}
        rows += [(one.name, part, f"{seconds:.2f}") for part, seconds in parts.items()]
    rows.append(("", "the whole run", f"{report.seconds:.2f}"))
    return Group(*grid(rows, numbers=(2,)))


def _where(report: HostReport) -> str:
    facts = report.after.facts if report.after else {}
    about = [report.address, facts.get("release", ""), facts.get("runs on", "")]
    if report.after:
        about.append(f"{report.after.seconds:.1f} s")
    return " · ".join(filter(None, about))


def _counts(after: Snapshot, before: Snapshot | None) -> list[Text]:
    rows = [("all", after.tally, before.tally if before else None)]
    rows += [
        (
            severity,
            after.of_severity(severity),
            before.of_severity(severity) if before else None,
        )
        for severity in SEVERITIES
    ]
    return grid(
        (
            (
                Text(name, _STYLE[name] if name in _STYLE and now.failed else "bold"),
                _bar(now),
                Text(
                    (f"{was.passed} of {was.observed} → " if was is not None else "")
                    + f"{now.passed} of {now.observed} hold"
                ),
                Text(
                    f"{now.not_observed} not observed" if now.not_observed else "",
                    "dim",
                ),
            )
            for name, now, was in rows
        ),
        indent=2,
    )


def _bar(tally: Tally) -> Text:
    full = tally.passed * _WIDTH // tally.observed if tally.observed else 0
    colour = "green" if tally.failed == 0 else "yellow"
    return Text.assemble(("█" * full, colour), ("░" * (_WIDTH - full), "dim"))


def _failures(findings: Sequence[Finding]) -> list[Line]:
    wide = max((len(finding.id) for finding in findings), default=0)
    said = max(map(len, SEVERITIES))
    lines = [
        Line(
            Text.assemble(
                ("  ✗  ", "red"),
                (f"{finding.id:<{wide}}  ", "bold"),
                (f"{finding.severity:<{said}}  ", _STYLE[finding.severity]),
            ),
            _told(finding, finding.reason),
        )
        for finding in findings
    ]
    remedies = dict.fromkeys(finding.remedy for finding in findings)
    return lines + [Line(Text("  → ", "cyan"), Text(remedy)) for remedy in remedies]


def _all(snapshot: Snapshot) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for topic, title in TOPICS.items():
        findings = [f for f in snapshot.of_topic(topic) if f.outcome == "passed"]
        wide = max((len(finding.id) for finding in findings), default=0)
        parts += [Text(f"  {title}", "bold")] if findings else []
        parts += [
            Line(
                Text.assemble(("  ✓  ", "green"), f"{finding.id:<{wide}}  "),
                _told(finding, "; ".join(finding.observed)),
            )
            for finding in findings
        ]
    return parts


def _told(finding: Finding, why: str) -> Text:
    return Text.assemble(finding.title, (f"  {why}", "dim"))
