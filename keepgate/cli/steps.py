"""A few steps one after the other: what goes on, what came of it, how long it took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.status import Status


@dataclass
class Step:
    """One step under way; it is *fine* unless somebody says otherwise."""

    name: str
    console: Console
    spinner: Status | None
    result: str = ""
    seconds: float = 0.0
    fine: bool = True

    def told(self, _host: str, text: str) -> None:
        """Show what goes on on the only host, as `verify` tells it."""
        self.note(text)

    def note(self, text: str) -> None:
        """Show what goes on right now."""
        if self.spinner is not None:
            self.spinner.update(f"{self.name}: {text}")
        else:
            self.console.print(Text(f"  {text}", "dim"), soft_wrap=True)

    def end(self, result: str) -> None:
        """Say what came of it."""
        self.result = result


class Steps:
    """Shows steps on standard error and remembers them."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._console = Console(stderr=True, highlight=False)
        self._done: list[Step] = []

    @contextmanager
    def step(self, name: str, *, draws: bool = False) -> Iterator[Step]:
        """Carry out one step; the body may draw for itself (*draws*)."""
        spinner = None
        if not draws and not self.as_json and self._console.is_terminal:
            spinner = self._console.status(name)
            spinner.start()
        elif not self._console.is_terminal:
            self._console.print(Text(f"{name} …", "dim"))
        step = Step(name, self._console, spinner)
        started = time.monotonic()
        mark, style = "✗", "red"
        try:
            yield step
            if step.fine:
                mark, style = "●", "green"
        finally:
            step.seconds = round(time.monotonic() - started, 2)
            if spinner is not None:
                spinner.stop()
            self._done.append(step)
            line = Text.assemble((f"{mark} ", style), step.name)
            line.append(f"  {step.result}" if step.result else "", "bold")
            line.append(f"  {step.seconds:.1f} s", "dim")
            self._console.print(line, soft_wrap=True)

    def document(self) -> list[dict[str, object]]:
        """Return every step that ended, for the JSON document."""
        return [
            {"name": step.name, "result": step.result, "seconds": step.seconds}
            for step in self._done
        ]
