"""Connections made up to try every Match block."""

from __future__ import annotations

import pytest

from deploys.ssh.config import MAIN, directives
from deploys.ssh.validation import specimens, validation

ORDINARY = {
    "user": "keeper",
    "host": "localhost",
    "addr": "127.0.0.1",
    "laddr": "127.0.0.1",
    "lport": "22",
}


@pytest.mark.parametrize(
    ("criteria", "difference"),
    [
        ("User bob", {"user": "bob"}),
        ("User bob,alice", {"user": "bob"}),
        ("user=bob", {"user": "bob"}),
        ("User !root,b*", {"user": "b1"}),
        ("Address 192.0.2.0/24", {"addr": "192.0.2.1"}),
        ("Address 2001:db8::/32", {"addr": "2001:db8::1"}),
        ("Address 192.0.2.7/32", {"addr": "192.0.2.7"}),
        ("Host *.example.org", {"host": "1.example.org"}),
        ("LocalPort 2222", {"lport": "2222"}),
        ("LocalAddress 192.0.2.9", {"laddr": "192.0.2.9"}),
        ("User bob Address 192.0.2.0/24", {"user": "bob", "addr": "192.0.2.1"}),
    ],
)
def test_specimen_meets_the_criteria(criteria: str, difference: dict[str, str]) -> None:
    """Each block is tried by a connection it applies to."""
    found = specimens("keeper", directives({MAIN: f"Match {criteria}\nBanner none\n"}))

    assert (ORDINARY, {**ORDINARY, **difference}) == found


@pytest.mark.parametrize("criteria", ["Group wheel", "all", "User !bob", "Version x*"])
def test_criteria_that_cannot_be_made_up_add_nothing(criteria: str) -> None:
    """They are judged by reading; the ordinary connection is tried anyway."""
    assert (ORDINARY,) == specimens("keeper", directives({MAIN: f"Match {criteria}\n"}))


def test_pattern_cannot_smuggle_shell_into_the_host_text() -> None:
    """A foreign line never becomes a command of root's."""
    hostile = directives({MAIN: "Match User \"a';touch /x;'\"\n"})

    assert "touch" not in validation("keeper", hostile, ("usepam yes",), {})
