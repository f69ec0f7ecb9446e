"""What a command on hosts prints in the end: a summary, plans, figures, or JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from keepgate.cli import words
from keepgate.cli.runs import max_rss
from keepgate.report.lines import Line, grid
from keepgate.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from keepgate.cli.runs import HostRun
    from keepgate.engine import events


def console() -> Console:
    """Return standard output."""
    return Console(highlight=False)


def as_json(document: Mapping[str, Any]) -> None:
    """Print *document*: the one that `--json` promises."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stdout.flush()


def summary(out: Console, runs: Iterable[HostRun]) -> None:
    """Print how each run ended: a line, and what there is to say about it."""
    listed = list(runs)
    wide = max((len(run.name) for run in listed), default=0)
    ends = {run.name: words.status(run.status, _changes(run)) for run in listed}
    said = max(map(len, ends.values()), default=0)
    for run in listed:
        line = Text.assemble(
            ("● ", words.STYLES[run.status]),
            (f"{run.name:<{wide}}  ", "bold"),
            ends[run.name],
        )
        if run.phases:
            gap = " " * (said - len(ends[run.name]))
            line.append(f"{gap}  {figures(run)}", "dim")
        out.print(line, soft_wrap=True)
        if run.end is not None:
            _reasons(out, run.end)


def _changes(run: HostRun) -> int:
    return run.end.changes if run.end is not None else 0


def _reasons(out: Console, end: events.Ended) -> None:
    if len(end.problems) == 1:
        words.say(out, end.problems[0].message, indent="  ")
        _fix(out, end.problems[0].fix, "  ")
        return
    if end.message:
        words.say(out, end.message, indent="  ")
    for line in end.report:
        words.say(out, line, indent="  ", lead="- ", style="dim")
    for number, problem in enumerate(end.problems, 1):
        words.say(out, problem.message, indent="  ", lead=f"{number}. ")
        _fix(out, problem.fix, "     ")
    _fix(out, end.fix, "  ")


def _fix(out: Console, text: str, indent: str) -> None:
    if text:
        words.say(out, text, indent=indent, lead="→ ")


def figures(run: HostRun) -> str:
    """Return what the run took: seconds, connections, channels, bytes."""
    connections, channels, size = run.drawing
    return (
        f"{run.seconds:.1f} s, {words.counted(connections, 'connection')},"
        f" {words.counted(channels, 'channel')}, {size / 1000:.0f} kB"
    )


def plans(out: Console, run: HostRun) -> None:
    """Print what would change on one host, topic by topic, with diffs."""
    if not run.plans:
        return
    out.print(Text(f"{run.name}", "bold"), soft_wrap=True)
    for plan in run.plans:
        count = len(plan.summaries)
        told = words.counted(count, "change") if count else "nothing to change"
        out.print(Text.assemble("  ", (plan.topic, "bold cyan"), f"  {told}"))
        for note in plan.notes:
            words.say(out, note, indent="    ", lead="note: ", style="yellow")
        shown = {diff.path: diff for diff in plan.diffs}
        for summary in plan.summaries:
            words.say(out, summary, indent="    ", lead="• ")
            diff = shown.pop(summary.partition(" ")[2], None)
            if diff is not None:
                _diff(out, diff.text)
    out.print()


def _diff(out: Console, text: str) -> None:
    # The head names the path, which stands above.
    for line in plain(text).splitlines()[2:]:
        if line.startswith("@@"):
            style = "cyan"
        else:
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
        sign = Text(f"      {line[:1]}", style)
        out.print(Line(sign, Text(line[1:], style)), soft_wrap=True)


def timings(out: Console, runs: Collection[HostRun]) -> None:
    """Print what each phase took, per host."""
    heads = ("host", "phase", "seconds", "connections", "channels", "in kB", "out kB")
    rows: list[Sequence[str | Text]] = [[Text(head, "dim") for head in heads]]
    rows += [
        (
            run.name,
            phase.name,
            f"{phase.seconds:.2f}",
            str(phase.connections),
            str(phase.channels),
            f"{phase.received / 1000:.1f}",
            f"{phase.sent / 1000:.1f}",
        )
        for run in runs
        for phase in run.phases
    ]
    for line in grid(rows, numbers=range(2, len(heads))):
        out.print(line, soft_wrap=True)
    shares = [run.memory["pss_kb"] for run in runs if run.memory]
    if shares:
        each = sum(shares) / len(shares) / 1000
        text = f"memory: here {max_rss() / 1000:.0f} MB, {each:.1f} MB (PSS) per worker"
        out.print(Text(text, "dim"), soft_wrap=True)
