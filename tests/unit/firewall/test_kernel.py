"""Other people's rules, as `nft -j` lists them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinfra.api.exceptions import FactProcessError

from deploys.firewall.kernel import Closed, Kernel, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("table", "chain", "rule", "expr", "match", "left", "right"),
                    *("payload", "field", "set", "range", "dnat", "hook", "family"),
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)
PLACE = {"family": "ip", "table": "nat", "chain": "pre"}


def _listing(*entries: dict[str, Any]) -> str:
    head = {"metainfo": {"version": "1.1.3", "json_schema_version": 1}}
    return json.dumps({"nftables": [head, *entries]})


def _chain(policy: str = "accept", **more: str) -> dict[str, Any]:
    known = {"family": "inet", "table": "mine", "name": "in", "hook": "input"}
    return {"chain": {**known, "policy": policy, **more}}


def _rule(*expr: dict[str, Any]) -> dict[str, Any]:
    place = {"family": "inet", "table": "mine", "chain": "in"}
    return {"rule": {**place, "expr": list(expr)}}


def _port(right: object) -> dict[str, Any]:
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    return {"match": {"op": "==", "left": left, "right": right}}


def test_nothing_listed_is_an_empty_rule_set() -> None:
    """A host without nft has no tables."""
    assert Kernel() == parse("")


@pytest.mark.parametrize("text", ["nft: not found", "[]", '{"nft": []}', "7"])
def test_what_is_no_listing_is_said_so(text: str) -> None:
    """It is not taken for an empty rule set."""
    with pytest.raises(FactProcessError, match="nft listed"):
        parse(text)


@given(st.lists(JSON, max_size=5))
def test_any_rules_are_read(entries: list[object]) -> None:
    """Whatever other programs load, reading it does not fail."""
    assert isinstance(parse(json.dumps({"nftables": entries})), Kernel)


@pytest.mark.parametrize(
    ("chain", "rules", "closed"),
    [
        (_chain("drop"), [], True),
        (_chain(), [], False),
        (_chain(), [_rule({"drop": None})], True),
        (_chain(), [_rule({"counter": {}}, {"reject": None})], True),
        (_chain(), [_rule(_port(23), {"drop": None})], False),
        (_chain(), [_rule({"accept": None})], False),
        (_chain("drop", hook="forward"), [], False),
        (_chain("drop", family="bridge"), [], False),
    ],
)
def test_chain_that_shuts_by_default_is_found(
    chain: dict[str, Any], rules: list[dict[str, Any]], *, closed: bool
) -> None:
    """By its policy, or by a rule that takes everything; not by one for a port."""
    found = parse(_listing(chain, *rules)).closed

    assert ((Closed("inet mine", "in"),) if closed else ()) == found


@pytest.mark.parametrize(
    ("right", "ports"),
    [
        (8080, ("8080/tcp",)),
        ({"range": [80, 90]}, ("80-90/tcp",)),
        ({"set": [80, {"range": [100, 101]}]}, ("80/tcp", "100-101/tcp")),
        ("@named", ()),
    ],
)
def test_redirected_ports_are_found(right: object, ports: tuple[str, ...]) -> None:
    """Wherever they are redirected to."""
    rule = {"rule": {**PLACE, "expr": [_port(right), {"dnat": {"addr": "10.0.0.2"}}]}}

    assert ports == parse(_listing(rule)).published
