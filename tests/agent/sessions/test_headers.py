"""What a header says of a name can be read in one way, and is the name."""

from __future__ import annotations

from urllib.parse import unquote

from auth_agent.sessions.model import header_value
from hypothesis import example, given
from hypothesis import strategies as st


@example("50% off")
@example("%41 is no A")
@example("Żoë 王")
@given(st.text(st.characters(exclude_categories=["C"])))
def test_a_name_comes_back_whole(name: str) -> None:
    """Decoded once; on the way it is printable ASCII, whatever it holds."""
    sent = header_value(name)

    assert sent.isascii()
    assert sent.isprintable()
    assert name == unquote(sent)


def test_a_plain_name_is_sent_as_it_is() -> None:
    """Nothing needs to be decoded for most."""
    assert "Ada Lovelace, Jr. (ops)" == header_value("Ada Lovelace, Jr. (ops)")
