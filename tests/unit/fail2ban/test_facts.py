"""What server and packet filter answer, understood."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pyinfra.api.exceptions import FactProcessError

from deploys.common.batch import Output
from deploys.fail2ban.facts import Fail2banFact, Fail2banHost, banned_as

DROP: dict[str, Any] = {"drop": None}


def table(*elements4: Any, elements6: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    """Return what `nft -j` lists for one jail."""
    return [
        {"metainfo": {}},
        {"set": {"name": "sshd_4", "elem": list(elements4)}},
        {"set": {"name": "sshd_6", "elem": list(elements6)}},
        {"chain": {"name": "sshd", "hook": "input"}},
        {"rule": {"chain": "sshd", "expr": [DROP]}},
        {"rule": {"chain": "sshd", "expr": [DROP]}},
    ]


def seen(
    filter_table: list[dict[str, Any]],
    banned: tuple[str, ...] = (),
    moving: tuple[str, ...] = (),
    ignored: tuple[str, ...] = ("::1", "127.0.0.0/8"),
    truce: bytes = b"",
) -> Fail2banHost:
    """Return the fact's answer for a server with one jail."""
    told = {
        "server": {},
        "jails": {"sshd": {"ignoreip": list(ignored)}},
        "ssh": ["sshd"],
        "banned": {"sshd": list(banned)},
        "moving": {"sshd": list(moving)},
        "table": filter_table,
    }
    fact = Fail2banFact()
    answers = {name: Output(1, b"") for name in fact.sections()}
    answers["server"] = Output(0, json.dumps(told).encode())
    answers["truce"] = Output(0, truce)
    answers["unit"] = Output(0, b"UnitFileState=enabled\nNeedDaemonReload=no\n")
    return fact.interpret(answers)


def unenforced(host: Fail2banHost) -> tuple[str, ...]:
    """Return in which bans server and packet filter differ."""
    assert host.server is not None
    return host.server.unenforced


@pytest.mark.parametrize(
    ("address", "element"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_banned_alone_or_by_its_prefix(
    address: str, element: str
) -> None:
    """IPv4 alone, IPv6 by its /64."""
    assert element == banned_as(address)


def test_bans_in_the_packet_filter_are_in_force() -> None:
    """A ban that stands in both is no difference."""
    prefix = {"prefix": {"addr": "2001:db8::", "len": 64}}
    host = seen(
        table("192.0.2.7", elements6=(prefix,)), banned=("192.0.2.7", "2001:db8::9")
    )

    assert () == unenforced(host)


def test_a_ban_without_its_element_is_a_difference() -> None:
    """The client's word is not enough."""
    assert ("sshd: 192.0.2.7",) == unenforced(seen(table(), banned=("192.0.2.7",)))


def test_an_element_without_its_ban_is_a_difference() -> None:
    """Nobody stays shut out whom the server does not know."""
    assert ("sshd: 192.0.2.7",) == unenforced(seen(table("192.0.2.7")))


def test_a_ban_on_its_way_is_no_difference() -> None:
    """What comes or goes while we look is left to itself."""
    assert () == unenforced(seen(table("192.0.2.7"), moving=("192.0.2.7",)))


def test_a_chain_that_drops_for_one_family_is_none() -> None:
    """Both families must be dropped."""
    host = seen(table()[:-1])

    assert host.server is not None
    assert frozenset() == host.server.chains


def test_what_a_truce_added_is_no_difference() -> None:
    """An address that a timer of ours takes off again is not the jail's own word."""
    host = seen(
        table(),
        ignored=("127.0.0.1", "192.0.2.7", "192.0.2.8"),
        truce=b'[["sshd", "192.0.2.7"], ["other", "192.0.2.8"]]',
    )

    assert host.server is not None
    assert ["127.0.0.1/32", "192.0.2.8/32"] == host.server.jails["sshd"]["ignoreip"]


@pytest.mark.parametrize("note", [b"", b"[", b"{}", b"[1]"])
def test_a_strange_note_of_a_truce_takes_nothing_away(note: bytes) -> None:
    """Without a note that can be read, a jail ignores what it says."""
    host = seen(table(), ignored=("192.0.2.7",), truce=note)

    assert host.server is not None
    assert ["192.0.2.7/32"] == host.server.jails["sshd"]["ignoreip"]


def test_no_server_is_no_answer() -> None:
    """A host without a running server is observed all the same."""
    fact = Fail2banFact()
    answers = {name: Output(1, b"") for name in fact.sections()}

    assert fact.interpret(answers).server is None


def test_a_strange_answer_is_told() -> None:
    """What cannot be understood is an error, not an empty server."""
    fact = Fail2banFact()
    answers = {name: Output(1, b"") for name in fact.sections()}
    answers["server"] = Output(0, b'{"jails": []}')

    with pytest.raises(FactProcessError, match="fail2ban's server"):
        fact.interpret(answers)
