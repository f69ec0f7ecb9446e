"""Lines for terminals and pipes: wrapped below themselves, or not at all."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from keepgate.report import terminal
from keepgate.report.lines import grid
from tests.unit.report.conftest import finding, report, snapshot

LONG = "one after the other, " * 12


def shown(*, is_terminal: bool, width: int) -> list[str]:
    """Return the lines of a host with a failure that has a lot to say."""
    bad = finding(id="SSH-02", outcome="failed", reason=LONG)
    found = report(bad, name="web1", before=snapshot(bad)).hosts[0]
    out = Console(
        file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None
    )
    out.print(terminal.host(found, every=True), soft_wrap=True)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 200])
def test_a_reason_hangs_below_its_title(width: int) -> None:
    """No line is wider than the terminal; what follows stands below the title."""
    lines = shown(is_terminal=True, width=width)
    first = next(at for at, line in enumerate(lines) if "SSH-02" in line)
    column = lines[first].index("Root cannot")

    assert max(map(len, lines)) <= width
    assert column == len(lines[first + 1]) - len(lines[first + 1].lstrip())


def test_a_control_is_one_line_for_a_pipe() -> None:
    """`verify … | grep SSH-02` shows all of it, and no line ends with blanks."""
    lines = shown(is_terminal=False, width=80)

    assert any("SSH-02" in line and LONG.strip() in line for line in lines)
    assert [] == [line for line in lines if line != line.rstrip()]


def test_cells_stand_below_each_other() -> None:
    """Columns are as wide as their widest cell; numbers end alike."""
    rows = [("a", Text("12"), "x"), ("bbb", Text("3"), "")]

    assert ["a    12  x", "bbb   3"] == [row.plain for row in grid(rows, numbers=(1,))]
