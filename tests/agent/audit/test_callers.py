"""What records, lists and mails keep of a browser commands no terminal."""

from __future__ import annotations

from auth_agent.callers import Client
from hypothesis import given
from hypothesis import strategies as st


@given(st.text(max_size=400), st.text(max_size=100))
def test_what_a_browser_says_of_itself_is_printable(agent: str, host: str) -> None:
    """And no longer than it may be, and UTF-8 can hold it."""
    kept = Client(user_agent=agent, host=host).origin()

    assert kept.user_agent.isprintable()
    assert kept.host.isprintable()
    assert len(kept.user_agent.encode()) <= 4 * 256


def test_controls_and_turned_writing_are_taken_out() -> None:
    """C1 controls command some terminals; U+202E turns what follows around."""
    kept = Client(user_agent="a\x9b31m\u202eb\nc \u00e4").origin()

    assert "a?31m?b?c \u00e4" == kept.user_agent
