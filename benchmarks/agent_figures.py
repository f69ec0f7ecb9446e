"""The table that the agent's benchmarks print, and whether it can be believed."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

QUIET: Final = 1.0
"""Load average above which somebody else was at work and figures are provisional."""


class Figures:
    """Collects rows and prints each as it comes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.load = os.getloadavg()[0]
        self.table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("what", "figure", "goal"):
            self.table.add_column(name)

    def add(self, what: str, figure: str, goal: str = "") -> None:
        """Add a row."""
        self.table.add_row(escape(what), escape(figure), escape(goal))
        self.console.print(f"{what}: {figure}", markup=False)

    def say(self, text: str) -> None:
        """Print a detail that is no figure of its own."""
        self.console.print(f"    {text}", markup=False)

    def show(self) -> None:
        """Print the table, the machine, and what else went on at the start."""
        self.console.print()
        self.console.print(machine())
        if self.load > QUIET:
            text = f"Load was {self.load:.1f} before the first run: PROVISIONAL."
            self.console.print(text)
        self.console.print(self.table)


def machine() -> str:
    """Return what this was measured on, in one line."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((x.split(":")[1].strip() for x in lines if "model name" in x), "?")
    return (
        f"{os.cpu_count()} cores of {model}, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )
