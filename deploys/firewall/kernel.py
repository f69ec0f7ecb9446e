"""What `nft -j list ruleset` says of other people's tables.

Only what decides about incoming packets and redirections is looked at; whatever
is not understood is passed over, since other programs' rules may hold anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyinfra.api.exceptions import FactProcessError

_SEES_IP: Final = ("ip", "ip6", "inet")
_FINAL: Final = ("drop", "reject")


@dataclass(frozen=True)
class Closed:
    """A chain of *table* that drops what no rule of its own admits."""

    table: str
    chain: str


@dataclass(frozen=True)
class Kernel:
    """The packet filter's tables as the kernel holds them.

    *closed* are the chains for incoming packets that shut by default; *published*
    are the ports, like `8080/tcp`, that some rule redirects elsewhere.
    """

    tables: tuple[str, ...] = ()
    closed: tuple[Closed, ...] = ()
    published: tuple[str, ...] = ()


def parse(text: str) -> Kernel:
    """Return what the JSON *text* tells; an empty text is an empty rule set.

    Raises:
        FactProcessError: it is no JSON of nft's.
    """
    if not text.strip():
        return Kernel()
    try:
        entries = json.loads(text)["nftables"]
    except (ValueError, KeyError, TypeError) as error:
        message = f"nft listed its rules as {text[:80]!r}"
        raise FactProcessError(message) from error
    objects = [pair for entry in _maps(entries) for pair in entry.items()]
    tables = [body for kind, body in objects if kind == "table" and _is_map(body)]
    chains = [body for kind, body in objects if kind == "chain" and _is_map(body)]
    rules = [body for kind, body in objects if kind == "rule" and _is_map(body)]
    return Kernel(
        tables=tuple(f"{t.get('family')} {t.get('name')}" for t in tables),
        closed=tuple(
            Closed(f"{c.get('family')} {c.get('table')}", str(c.get("name")))
            for c in chains
            if c.get("hook") == "input"
            and c.get("family") in _SEES_IP
            and (c.get("policy") == "drop" or _ends_closed(c, rules))
        ),
        published=tuple(
            dict.fromkeys(port for rule in rules for port in _published(rule))
        ),
    )


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _place(body: Mapping[str, Any], name: str) -> tuple[object, object, object]:
    return body.get("family"), body.get("table"), body.get(name)


def _ends_closed(chain: Mapping[str, Any], rules: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a rule of *chain* drops or rejects whatever reaches it."""
    return any(
        _place(rule, "chain") == _place(chain, "name")
        and _verdicts(rule)[-1:] in ([kind] for kind in _FINAL)
        for rule in rules
    )


def _verdicts(rule: Mapping[str, Any]) -> list[str]:
    """Return the kinds of a rule's expressions, but for what only counts or logs."""
    kinds = [kind for expr in _maps(rule.get("expr")) for kind in expr]
    if any(kind not in ("counter", "log", *_FINAL) for kind in kinds):
        return []
    return kinds


def _published(rule: Mapping[str, Any]) -> Iterator[str]:
    exprs = list(_maps(rule.get("expr")))
    if not any(kind in ("dnat", "redirect") for expr in exprs for kind in expr):
        return
    for expr in exprs:
        match = expr.get("match")
        if not isinstance(match, dict) or match.get("op") not in ("==", "in"):
            continue
        left = match.get("left")
        payload = left.get("payload") if isinstance(left, dict) else None
        if isinstance(payload, dict) and payload.get("field") == "dport":
            for port in _ports(match.get("right")):
                yield f"{port}/{payload.get('protocol')}"


def _ports(value: object) -> Iterator[str]:
    if isinstance(value, int):
        yield str(value)
    elif isinstance(value, dict) and isinstance(value.get("range"), list):
        yield "-".join(str(end) for end in value["range"])
    elif isinstance(value, dict) and isinstance(value.get("set"), list):
        for item in value["set"]:
            yield from _ports(item)
