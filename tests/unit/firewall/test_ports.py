"""Ports and ranges of ports."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploys.firewall.ports import LAST, bounds, canonical, covers, merged

port = st.integers(1, LAST)
either = st.one_of(
    port, st.tuples(port, port).map(lambda ends: f"{min(ends)}-{max(ends)}")
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (443, 443),
        ("0443", 443),
        (" 8000 - 8010 ", "8000-8010"),
        ("80-80", 80),
        ("1-65535", "1-65535"),
    ],
)
def test_a_port_has_one_spelling(written: int | str, meant: int | str) -> None:
    """However it is written, it is kept in one way."""
    assert meant == canonical(written)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (0, "out of range"),
        (65536, "out of range"),
        ("80-70000", "out of range"),
        ("90-80", "write 80-90"),
        (-1, "is no port"),
        ("https", "is no port"),
        ("80,443", "is no port"),
        ("80; flush ruleset", "is no port"),
        ("80 }\n", "is no port"),
        ("", "is no port"),
    ],
)
def test_what_is_no_port_is_refused(written: int | str, complaint: str) -> None:
    """The message says what would be one."""
    with pytest.raises(ValueError, match=complaint):
        canonical(written)


@given(st.lists(either, max_size=8), port)
def test_merging_keeps_the_ports(ports: list[int | str], one: int) -> None:
    """A port is in the merged list if and only if it was in one of them."""
    assert covers(ports, one) == covers(merged(ports), one)


@given(st.lists(either, max_size=8))
def test_merged_ranges_stand_apart(ports: list[int | str]) -> None:
    """Nothing overlaps or touches: nft refuses sets in which ranges overlap."""
    spans = [bounds(span) for span in merged(ports)]

    assert all(before[1] + 1 < after[0] for before, after in pairwise(spans))
