"""The tables of the benchmark on hosts, as Markdown that reads well in a terminal."""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.agent_figures import QUIET, machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.measured import Run

GOALS: Final = {
    "lab up, fleet": "under 40 s, 2 GiB",
    "demo, prepared machine": "under 150 s",
    "plan, stock host": "under 5 s",
    "apply, first": "under 60 s",
    "apply, nothing to change": "under 5 s, 40 channels",
    "plan, nothing to change": "under 5 s",
    "verify, hardened host": "under 20 s",
    "apply, fleet, nothing to change": "under 30 s",
    "memory of the parent": "under 150 MB",
    "memory per further host": "under 25 MB",
}

_RUNS: Final = (
    *("what", "seconds", "from", "to", "CPU here", "CPU hosts"),
    *("connections", "channels", "kB", "goal"),
)
_PHASES: Final = (
    *("what", "phase", "seconds", "slowest host"),
    *("connections", "channels", "kB in", "kB out"),
)


def say(text: str) -> None:
    """Tell whoever waits what goes on."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Figures:
    """Collects figures, tells each as it comes, and prints them as tables."""

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]
        self._began = time.strftime("%d %B %Y, %H:%M %Z")
        self._runs: list[Sequence[str]] = []
        self._phases: list[Sequence[str]] = []
        self._others: list[Sequence[str]] = []
        if self._load > QUIET:
            say(
                f"something else is at work (load {self._load:.1f}): wait until it ends"
            )

    def runs(self, what: str, runs: Sequence[Run], hosts_cpu: float) -> None:
        """Take runs of the same command: seconds are the median, counts the last's.

        *hosts_cpu* is what one run made the hosts compute, in seconds.
        """
        seconds = [run.seconds for run in runs]
        last, many = runs[-1], len(runs) > 1
        counts = [""] * 3
        if last.phases:
            size = last.sum("received") + last.sum("sent")
            counts = [str(last.sum("connections")), str(last.sum("channels"))]
            counts.append(f"{size / 1000:.0f}")
        self._runs.append(
            (
                what,
                f"{statistics.median(seconds):.1f}",
                f"{min(seconds):.1f}" if many else "",
                f"{max(seconds):.1f}" if many else "",
                f"{statistics.median(run.cpu for run in runs):.1f}",
                f"{hosts_cpu:.1f}",
                *counts,
                GOALS.get(what, ""),
            )
        )
        self._phases += _by_phase(what, last.phases)
        say(f"{what}: {statistics.median(seconds):.1f} s")

    def timed(self, what: str, seconds: float) -> None:
        """Take something of which only the seconds are known."""
        self._runs.append((what, f"{seconds:.1f}", *[""] * 7, GOALS.get(what, "")))
        say(f"{what}: {seconds:.1f} s")

    def other(self, what: str, figure: str) -> None:
        """Take a figure that is no run."""
        self._others.append((what, figure, GOALS.get(what, "")))
        say(f"{what}: {figure}")

    def show(self) -> None:
        """Print everything that was taken, and whether it can be believed."""
        lines = [
            f"Taken on {self._began}: {machine()}.",
            f"Load {self._load:.1f} before the first run.",
        ]
        if self._load > QUIET:
            lines.append("PROVISIONAL: something else was at work; take them again.")
        for headings, rows in (
            (_RUNS, self._runs),
            (("what", "figure", "goal"), self._others),
            (_PHASES, self._phases),
        ):
            if rows:
                lines += ["", *table(headings, rows)]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table with columns of one width; figures stand right."""
    columns = list(zip(headings, *rows, strict=True))
    wide = [max(map(len, column)) for column in columns]
    right = [all(_is_figure(cell) for cell in column[1:]) for column in columns]

    def line(cells: Iterable[str]) -> str:
        placed = (
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, width, figure in zip(cells, wide, right, strict=True)
        )
        return f"| {' | '.join(placed)} |"

    rule = (
        "-" * (n - 1) + ":" if r else "-" * n for n, r in zip(wide, right, strict=True)
    )
    return [line(headings), f"| {' | '.join(rule)} |", *map(line, rows)]


def _is_figure(text: str) -> bool:
    return not text.strip("0123456789.")


def _by_phase(what: str, phases: Sequence[dict[str, Any]]) -> Iterable[Sequence[str]]:
    """Yield a row per phase: the median host's seconds, the sum of what was sent."""
    for name in dict.fromkeys(phase["name"] for phase in phases):
        same = [phase for phase in phases if phase["name"] == name]
        seconds = [phase["seconds"] for phase in same]
        yield (
            what,
            name,
            f"{statistics.median(seconds):.2f}",
            f"{max(seconds):.2f}" if len(same) > 1 else "",
            *(str(sum(p[key] for p in same)) for key in ("connections", "channels")),
            *(
                f"{sum(p[key] for p in same) / 1000:.1f}"
                for key in ("received", "sent")
            ),
        )
