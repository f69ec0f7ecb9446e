"""Reading passwd, shadow and group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinfra.api.exceptions import FactProcessError

from deploys.accounts.database import Account, Password, accounts, members

PASSWD = [
    "root:x:0:0:root:/root:/bin/bash",
    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
    "sync:x:4:65534:sync:/bin:/bin/sync",
    "alice:x:1000:1000:Alice,,,:/home/alice:/bin/zsh",
    "svc:x:999:999::/:",
]
SHADOW = ["root:locked:20000:99999::", "alice:set:19000:365:30:20500"]
NAME = st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True)


def test_accounts_carry_what_shadow_knows() -> None:
    """Dates are days, empty fields are None."""
    found = accounts(PASSWD, SHADOW)

    assert found["alice"] == Account(
        "alice", 1000, 1000, "/home/alice", "/bin/zsh", Password.SET, 19000, 365, 20500
    )
    assert Password.LOCKED is found["root"].password


def test_account_without_shadow_has_no_password() -> None:
    """It cannot log in by one."""
    assert Password.NONE is accounts(PASSWD, SHADOW)["daemon"].password


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("root", True),
        ("daemon", False),
        ("sync", False),
        ("alice", True),
        ("svc", True),
    ],
)
def test_shell_decides_whether_a_session_is_possible(
    name: str,
    expected: bool,
) -> None:
    """An empty shell means /bin/sh (passwd(5))."""
    assert expected is accounts(PASSWD, SHADOW)[name].has_shell


def test_members_include_those_whose_main_group_it_is() -> None:
    """Sshd counts both."""
    found = members(
        ["alice:x:1000:", "staff:x:50:alice,bob", "empty:x:51:"],
        accounts(PASSWD, SHADOW),
    )

    assert {"alice": ("alice",), "staff": ("alice", "bob"), "empty": ()} == found


@pytest.mark.parametrize("line", ["x", "a:x:one:1::/:/bin/sh", "a:x:1:1:/bin/sh"])
def test_broken_line_is_no_account(line: str) -> None:
    """Guessing here would cost somebody his access."""
    with pytest.raises(FactProcessError, match="described an account"):
        accounts([line], [])


@given(
    st.dictionaries(
        NAME, st.tuples(st.integers(0, 99999), st.integers(0, 99999)), max_size=5
    )
)
def test_round_trip(people: dict[str, tuple[int, int]]) -> None:
    """Every account is read back with its numbers."""
    lines = [f"{n}:x:{u}:{g}::/home/{n}:/bin/sh" for n, (u, g) in people.items()]

    found = accounts(lines, [])

    assert people == {name: (one.uid, one.gid) for name, one in found.items()}
