"""What is told while a run goes on, where nobody watches a terminal."""

from __future__ import annotations

import pytest

from keepgate.cli.display import Display
from keepgate.engine import events


@pytest.mark.parametrize(
    ("fine", "ended", "said"),
    [
        ({}, events.Ended("ok"), "nothing to change"),
        ({"fine": "keys read"}, events.Ended("ok"), "keys read"),
        ({"fine": "keys read"}, events.Ended("unreachable"), "unreachable"),
    ],
)
def test_end_is_told_in_the_words_of_the_command(
    fine: dict[str, str],
    ended: events.Ended,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who only read keys has not judged whether there is something to change."""
    with Display(["web1"], as_json=False, **fine) as display:
        display.hear("web1", ended)

    assert f"web1  {said}\n" == capsys.readouterr().err
