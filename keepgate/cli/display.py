"""Showing a run while it goes on: live with a terminal, plain lines without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from keepgate.cli import words
from keepgate.cli.runs import HostRun
from keepgate.engine import events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from rich.console import RenderableType

_LEVELS: Final = {"warning": "yellow", "error": "red"}


class Display:
    """Follows the events of several hosts and shows them on standard error.

    *fine* is what a run without changes comes to, where that is no judgement.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        as_json: bool,
        fine: str = words.NOTHING,
    ) -> None:
        self._fine = fine
        self.runs = {name: HostRun(name) for name in names}
        self._progress = Console(stderr=True, highlight=False)
        self._width = max(map(len, names), default=0)
        self._spinner = Spinner("dots", style="cyan")
        self._live: Live | None = None
        if self._progress.is_terminal and not as_json:
            self._live = Live(
                console=self._progress,
                refresh_per_second=8,
                transient=True,
                get_renderable=self._table,
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def follow(self, told: Iterable[tuple[str, events.Event]]) -> None:
        """Take events, by host, until there are no more."""
        for name, event in told:
            self.hear(name, event)

    def hear(self, name: str, event: events.Event) -> None:
        """Take one event of host *name*."""
        run = self.runs[name]
        run.take(event)
        match event:
            case events.PhaseStarted(name=phase) if self._live is None:
                self._say(name, phase, "dim")
            case events.Notice(level=level, text=text):
                self._say(name, text, _LEVELS.get(level, ""))
            case events.Ended() if self._live is None:
                self._say(name, self._came_to(run), "dim")

    def _came_to(self, run: HostRun) -> str:
        changes = run.end.changes if run.end else 0
        said = words.status(run.status, changes)
        return self._fine if said == words.NOTHING else said

    def _say(self, name: str, text: str, style: str) -> None:
        lead = f"{name:<{self._width}}  "
        words.say(self._progress, text, lead=lead, style=style)

    def _table(self) -> RenderableType:
        room = max(3, self._progress.height - 3)
        # Those at work first: with many hosts the others do not fit.
        order = sorted(
            self.runs.values(), key=lambda run: (run.end is not None, run.began is None)
        )
        table = Table.grid(padding=(0, 2))
        for run in order[:room]:
            table.add_row(*self._row(run))
        hidden = len(order) - room
        if hidden <= 0:
            return table
        return Group(table, Text(f"  and {words.counted(hidden, 'host')} more", "dim"))

    def _row(self, run: HostRun) -> tuple[RenderableType, ...]:
        if run.end is not None:
            style = words.STYLES[run.status]
            mark: RenderableType = Text("●", style)
            said = Text(self._came_to(run), style)
        elif run.began is None:
            mark, said = Text("·", "dim"), Text(run.phase, "dim")
        else:
            mark, said = self._spinner, Text(run.phase)
        return mark, Text(run.name, "bold"), said, Text(f"{run.lasted:.0f} s", "dim")
