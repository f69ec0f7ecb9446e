"""Reading `sshd -T`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploys.ssh.effective import Effective

DATA = Path(__file__).parent / "data"
WORD = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1)


@pytest.mark.parametrize("release", ["trixie", "bookworm"])
def test_real_output_keeps_every_line(release: str) -> None:
    """Nothing that sshd says is lost, whatever the release."""
    text = (DATA / f"{release}-stock.txt").read_text(encoding="utf-8")

    said = Effective.parse(text)

    lines = [f"{key} {value}".strip() for key in said.values for value in said.all(key)]
    assert sorted(text.splitlines()) == sorted(lines)


@pytest.mark.parametrize("release", ["trixie", "bookworm"])
def test_keyword_printed_twice_has_both_values(release: str) -> None:
    """Host keys are printed a line each."""
    text = (DATA / f"{release}-stock.txt").read_text(encoding="utf-8")

    assert len(Effective.parse(text).all("HostKey")) == 3


@given(st.dictionaries(WORD.map(str.lower), st.lists(WORD, min_size=1), max_size=8))
def test_round_trip(values: dict[str, list[str]]) -> None:
    """What was written a line per value is read back, order within a keyword kept."""
    text = "".join(f"{key} {value}\n" for key, all_ in values.items() for value in all_)

    expected = {key: tuple(all_) for key, all_ in values.items()}
    assert expected == Effective.parse(text).values


@given(st.text())
def test_any_text_is_read_without_error(text: str) -> None:
    """A complaint of sshd's among the lines does no harm."""
    Effective.parse(text)


def test_lacks_names_what_is_not_in_effect() -> None:
    """Only the lines that sshd does not say come back."""
    said = Effective.parse("permitrootlogin yes\nallowgroups a\nallowgroups b\n")

    assert ("permitrootlogin no",) == said.lacks(
        ("permitrootlogin no", "allowgroups b")
    )
