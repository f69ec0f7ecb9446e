"""Events between a worker and its parent: there and back, and nothing else."""

from __future__ import annotations

import pytest

from keepgate.engine import events

ALL = [
    events.Began(),
    events.Connected("keeper", "192.0.2.1"),
    events.PhaseStarted("ssh"),
    events.PhaseEnded("ssh", 1.5, 1, 2, 3, 4),
    events.Commit("prove", armed=True),
    events.Notice("warning", "line\nbreak, \x1b and ü"),
    events.Planned("ssh", ["change /a"], [events.Diff("/a", "-x\n+y\n")], ["note"]),
    events.Ended(
        "refused",
        message="no",
        report=["r"],
        problems=[events.Problem("c", "m", "f")],
        facts={"keys": [{"type": "t"}]},
    ),
]


@pytest.mark.parametrize("event", ALL, ids=lambda event: type(event).__name__)
def test_event_survives_the_pipe(event: events.Event) -> None:
    """An event is one line, and the line is the event."""
    line = events.encode(event)

    assert 1 == line.count(b"\n")
    assert event == events.decode(line)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"null", b'{"event":"Odd"}', b'{"event":"Ended"}', b"x"]
)
def test_anything_else_is_told(line: bytes) -> None:
    """A line that holds no event is an error that quotes it."""
    with pytest.raises(ValueError, match="no event"):
        events.decode(line)
