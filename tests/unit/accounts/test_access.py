"""Who can log in today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploys.accounts.access import accesses
from deploys.accounts.database import Password
from deploys.accounts.facts import AccountsHost

MakeKey = Callable[..., str]
MakeHost = Callable[..., AccountsHost]

SIGNPOST = (
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please "
    'login as the user \\"debian\\" rather than the user \\"root\\".\';echo;sleep 10;'
    'exit 142" '
)


def _who(host: AccountsHost) -> dict[str, str]:
    return {access.name: access.summary for access in accesses(host)}


def test_account_with_a_key_can(host: MakeHost, key: MakeKey) -> None:
    """A key file that sshd reads is a way in."""
    assert {"debian": "1 key"} == _who(host({"debian": key()}))


def test_signpost_of_cloud_init_is_no_way_in(host: MakeHost, key: MakeKey) -> None:
    """Root's key on a stock image only says who to log in as."""
    assert {} == _who(host({"root": f"{SIGNPOST}{key()}"}))


def test_other_forced_commands_are_a_way_in(host: MakeHost, key: MakeKey) -> None:
    """A backup that may only run one program still logs in."""
    text = f'restrict,command="/usr/bin/rrsync /srv" {key()}'

    assert {"backup": "1 key"} == _who(host({"backup": text}))


def test_lines_that_sshd_ignores_are_no_way_in(host: MakeHost) -> None:
    """Comments and broken lines open nothing."""
    assert {} == _who(host({"debian": "# none\n\nssh-ed25519 AAAA\nnonsense\n"}))


def test_account_without_a_shell_cannot(host: MakeHost, key: MakeKey) -> None:
    """Its session would end at once."""
    text = {"www-data": key()}

    assert {} == _who(host(text, **{"www-data": {"shell": "/usr/sbin/nologin"}}))


@pytest.mark.parametrize(
    ("sshd", "password", "expected"),
    [
        ({}, Password.SET, {"debian": "password"}),
        ({}, Password.LOCKED, {}),
        ({}, Password.NONE, {}),
        ({}, Password.EMPTY, {}),
        ({"permitemptypasswords": ("yes",)}, Password.EMPTY, {"debian": "password"}),
        ({"passwordauthentication": ("no",)}, Password.SET, {}),
        (
            {
                "passwordauthentication": ("no",),
                "kbdinteractiveauthentication": ("yes",),
            },
            Password.SET,
            {"debian": "password"},
        ),
    ],
)
def test_password_counts_where_sshd_takes_one(
    host: MakeHost,
    sshd: dict[str, tuple[str, ...]],
    password: Password,
    expected: dict[str, str],
) -> None:
    """An account without any key can still log in on a stock cloud image."""
    seen = host({"debian": ""}, sshd=sshd, debian={"password": password})

    assert expected == _who(seen)


@pytest.mark.parametrize(
    ("permitted", "expected"),
    [
        ("yes", {"root": "1 key, password"}),
        ("without-password", {"root": "1 key"}),
        ("forced-commands-only", {}),
        ("no", {}),
    ],
)
def test_root_is_judged_by_its_own_keyword(
    host: MakeHost, key: MakeKey, permitted: str, expected: dict[str, str]
) -> None:
    """PermitRootLogin decides what of root's ways count."""
    seen = host(
        {"root": key()},
        sshd={"permitrootlogin": (permitted,)},
        root={"password": Password.SET},
    )

    assert expected == _who(seen)


@pytest.mark.parametrize(
    ("sshd", "expected"),
    [
        ({"allowusers": ("alice", "bob")}, ["alice", "bob"]),
        ({"allowusers": ("a*",)}, ["alice"]),
        ({"denyusers": ("bob",)}, ["alice"]),
        ({"allowgroups": ("staff",)}, ["alice"]),
        ({"denygroups": ("staff",)}, ["bob"]),
        ({"allowusers": ("alice@192.0.2.1",)}, ["alice"]),
    ],
)
def test_allow_and_deny_lines_count(
    host: MakeHost, key: MakeKey, sshd: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    """Who is shut out today need not be settled."""
    seen = host({"alice": key(), "bob": key()}, sshd=sshd)
    seen.members["staff"] = ("alice",)

    assert expected == sorted(_who(seen))


@pytest.mark.parametrize(
    ("keyword", "way"),
    [
        ("trustedusercakeys", "certificate"),
        ("authorizedkeyscommand", "key from AuthorizedKeysCommand"),
    ],
)
def test_other_sources_of_keys_count(host: MakeHost, keyword: str, way: str) -> None:
    """An account without a key file gets in by a certificate, say."""
    seen = host({"alice": ""}, sshd={keyword: ("/etc/ssh/ca.pub",)})

    assert way == _who(seen)["alice"]


def test_expired_account_cannot(host: MakeHost, key: MakeKey) -> None:
    """PAM turns it away whatever key it has."""
    fields: dict[str, Any] = {"expires": 1}

    assert {} == _who(host({"alice": key()}, alice=fields))
