"""How the checks read what a host answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import pytest
from hostchecks import batch, nft
from hostchecks.batch import Section
from hostchecks.results import explain
from hostchecks.wanted import Wanted

CHAIN = {"family": "inet", "table": "t", "name": "input", "hook": "input"}


def _match(left: Mapping[str, object], right: object) -> dict[str, object]:
    return {"match": {"op": "==", "left": left, "right": right}}


def _port(number: object, verdict: dict[str, object]) -> list[dict[str, object]]:
    field = {"payload": {"protocol": "tcp", "field": "dport"}}
    return [_match(field, number), verdict]


def _firewall(*rules: tuple[str, list[dict[str, object]]]) -> nft.Firewall:
    entries: list[dict[str, object]] = [
        {"chain": {**CHAIN, "policy": "drop", "prio": 0}},
        {"chain": {"family": "inet", "table": "t", "name": "other"}},
    ]
    entries += [
        {"rule": {"family": "inet", "table": "t", "chain": chain, "expr": exprs}}
        for chain, exprs in rules
    ]
    found = nft.parse(Section(0, json.dumps({"nftables": entries}).encode()))
    assert found is not None
    return found


def _admitted(*rules: tuple[str, list[dict[str, object]]]) -> set[int]:
    found = _firewall(*rules)
    guard = found.guard()
    assert guard is not None
    return found.admitted(guard, "tcp")


ACCEPT: dict[str, object] = {"accept": None}
JUMP: dict[str, object] = {"jump": {"target": "other"}}


def test_accepted_ports_are_admitted() -> None:
    """A port, a set of ports and a range are all read."""
    ports = {"set": [22, {"range": [8000, 8002]}]}

    assert {22, 8000, 8001, 8002} == _admitted(("input", _port(ports, ACCEPT)))


def test_ports_behind_a_jump_are_admitted() -> None:
    """What a chain accepts counts where it is jumped to."""
    assert {443} == _admitted(("input", [JUMP]), ("other", _port(443, ACCEPT)))


def test_ports_of_an_inner_interface_are_not() -> None:
    """What containers ask of their host is not open to the network."""
    inner = _match({"meta": {"key": "iifname"}}, "docker0")

    assert set() == _admitted(("input", [inner, JUMP]), ("other", _port(53, ACCEPT)))


def test_dropped_ports_are_not_admitted() -> None:
    """A rule that names a port only to drop it opens nothing."""
    assert set() == _admitted(("input", _port(22, {"drop": None})))


def test_no_nft_is_no_filter() -> None:
    """Without the program there is nothing to read."""
    assert nft.parse(Section(127, b"")) is None


def test_settings_ports_include_ranges_and_rules() -> None:
    """Ports open to some networks only are open ports, too."""
    wanted = Wanted({"firewall": {"tcp": [80, "8000-8001"], "rules": [{"port": 5432}]}})

    assert (80, 8000, 8001, 5432) == wanted.ports("tcp")


@pytest.mark.parametrize("data", [b"", b"\x00\xff\n\n", "ä\n".encode()])
def test_any_bytes_survive_a_batch(data: bytes) -> None:
    """Base64 keeps every byte of an answer."""
    line = b"name " + base64.b64encode(data + b"\n3")

    assert {"name": Section(3, data)} == batch.parse(line.decode())


def test_stray_output_is_an_error() -> None:
    """A login script that prints something is noticed, not taken for an answer."""
    with pytest.raises(batch.BatchError, match="no section"):
        batch.parse("Welcome to the host\n")


def test_comparison_is_told_in_words() -> None:
    """A reason names what was wanted and what was found, only where they differ."""
    assert "wanted b 2, found b 3" == explain("==", {"a": 1, "b": 2}, {"a": 1, "b": 3})
    assert "wanted none, found b 3" == explain("==", {}, {"b": 3})
    assert "wanted b 2, found none" == explain("==", {"a": 1, "b": 2}, {"a": 1})
