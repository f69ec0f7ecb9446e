"""The packet filter as the kernel holds it, read from `nft -j list ruleset`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostchecks.batch import Section

SECTIONS = {
    "nft": "nft -j list ruleset",
    "xtables": (
        "for save in iptables-legacy-save ip6tables-legacy-save; do "
        'if command -v "$save" >/dev/null; then "$save" | grep -c "^-A"; fi; done; true'
    ),
    "ufw": "ufw status",
    "listeners": "ss -H -l -n -t -u -p",
    "addresses": "ip -j address show scope global",
    "engines": (
        "for engine in dockerd containerd podman libvirtd; do "
        'pgrep -x "$engine" >/dev/null && echo "$engine"; done; '
        "ls -d /sys/class/net/docker0 /sys/class/net/virbr0 2>/dev/null; true"
    ),
    "forwarding": "cat /proc/sys/net/ipv4/ip_forward",
}

_FAMILIES = {4: ("inet", "ip"), 6: ("inet", "ip6")}

Expr = dict[str, Any]
"""One expression of nft's JSON; its shape is libnftables-json(5)'s."""


@dataclass(frozen=True)
class Chain:
    """A chain; *hook* is empty for one that is only jumped to."""

    family: str
    table: str
    name: str
    hook: str
    policy: str
    priority: int

    @override
    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.name}"


@dataclass(frozen=True)
class Rule:
    """A rule with its expressions and the verdict it may end in."""

    chain: str
    exprs: tuple[Expr, ...]

    @cached_property
    def text(self) -> str:
        """The rule's JSON, to look for names in."""
        return json.dumps(self.exprs, sort_keys=True)

    @property
    def names_interface(self) -> bool:
        """Whether it is only for packets of an interface that it names."""
        return any(what in ("meta iifname", "meta iif") for what, _ in self.matches())

    def has(self, verdict: str) -> bool:
        """Whether the rule may end in *verdict*, also through a verdict map."""
        return f'"{verdict}": null' in self.text or f'"{verdict}": {{' in self.text

    def matches(self) -> Iterator[tuple[str, Any]]:
        """Yield what the rule compares: `tcp dport`, `ct state`, … and with what."""
        for expr in self.exprs:
            if "match" in expr and expr["match"]["op"] in ("==", "in"):
                yield subject(expr["match"]["left"]), expr["match"]["right"]
            if "vmap" in expr:
                yield subject(expr["vmap"]["key"]), expr["vmap"]["data"]


def subject(left: object) -> str:
    """Return what an expression looks at, in nft's own words."""
    if not isinstance(left, dict):
        return str(left)
    if payload := left.get("payload"):
        return f"{payload.get('protocol')} {payload.get('field')}"
    for kind in ("meta", "ct"):
        if kind in left:
            return f"{kind} {left[kind].get('key')}"
    if concat := left.get("concat"):
        return " . ".join(subject(part) for part in concat)
    return next(iter(left), "")


@dataclass(frozen=True)
class Firewall:
    """Every table of the kernel's packet filter.

    *prefixes* are the sets that hold networks, not addresses alone.
    """

    chains: tuple[Chain, ...]
    rules: tuple[tuple[tuple[str, str, str], Rule], ...]
    sets: dict[tuple[str, str, str], Any]
    prefixes: frozenset[tuple[str, str, str]] = frozenset()

    def base(self, hook: str, version: int) -> list[Chain]:
        """Return the filter chains at *hook* that see IP *version*."""
        return [
            chain
            for chain in self.chains
            if chain.hook == hook and chain.family in _FAMILIES[version]
        ]

    def drops(self, hook: str, version: int) -> bool:
        """Whether what no rule accepts is dropped at *hook* for IP *version*."""
        return any(chain.policy == "drop" for chain in self.base(hook, version))

    def guard(self, version: int = 4) -> Chain | None:
        """Return the chain whose policy guards incoming packets, if any."""
        chains = self.base("input", version)
        return next((chain for chain in chains if chain.policy == "drop"), None)

    def reached(self, chain: Chain, *, inner: bool = True) -> list[Rule]:
        """Return the rules that a packet at *chain* may meet, jumps followed.

        Without *inner* those are left out that only packets of a named interface
        come to: what a container asks its host is not open to the network.
        """
        found: list[Rule] = []
        queue, visited = [chain.name], set[str]()
        while queue:
            name = queue.pop(0)
            if name in visited:
                continue
            visited.add(name)
            here = [
                rule
                for key, rule in self.rules
                if key == (chain.family, chain.table, name)
            ]
            found += here
            queue += [
                target
                for rule in here
                if inner or not rule.names_interface
                for target in _targets(rule.exprs)
            ]
        return found

    def admitted(self, chain: Chain, protocol: str) -> set[int]:
        """Return the destination ports of *protocol* that some rule accepts."""
        ports: set[int] = set()
        for rule in self.reached(chain, inner=False):
            if not rule.has("accept"):
                continue
            for what, value in rule.matches():
                if what in (f"{protocol} dport", "th dport"):
                    ports |= set(self._ports(chain, value))
        return ports

    def shut_out(self, version: int) -> dict[str, list[str]]:
        """Return, by set, what it drops of everything that comes in by IP *version*.

        Sets of networks alone; those are written as ADDRESS/LENGTH.
        """
        field = "ip saddr" if version == 4 else "ip6 saddr"
        found = {}
        for chain in self.base("input", version):
            for rule in self.reached(chain, inner=False):
                if not rule.has("drop"):
                    continue
                for what, value in rule.matches():
                    key = (chain.family, chain.table, str(value)[1:])
                    if what == field and key in self.sets and key in self.prefixes:
                        found[key[2]] = [_network(one) for one in self.sets[key]]
        return found

    def _ports(self, chain: Chain, value: object) -> Iterator[int]:
        if isinstance(value, int):
            yield value
        elif isinstance(value, str) and value.startswith("@"):
            name = (chain.family, chain.table, value[1:])
            yield from self._ports(chain, self.sets.get(name))
        elif isinstance(value, list):
            for item in value:
                yield from self._ports(chain, item[0] if _pair(item) else item)
        elif isinstance(value, dict) and "range" in value:
            first, last = value["range"]
            yield from range(first, last + 1)
        elif isinstance(value, dict):
            for key in ("set", "elem", "val"):
                if key in value:
                    yield from self._ports(chain, value[key])


def _network(element: Any) -> str:  # noqa: ANN401 - JSON
    """Return an address or a network of a set (libnftables-json(5))."""
    if isinstance(element, dict) and "elem" in element:
        element = element["elem"]["val"]
    if isinstance(element, dict) and "prefix" in element:
        return f"{element['prefix']['addr']}/{element['prefix']['len']}"
    return str(element)


def _pair(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[1], dict)


def _targets(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("jump", "goto") and isinstance(item, dict):
                yield item["target"]
            else:
                yield from _targets(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _targets(item)


def parse(section: Section) -> Firewall | None:
    """Return the rule set; None when the host has no `nft` to ask."""
    if section.status != 0:
        return None
    chains, rules, sets, prefixes = [], [], {}, set()
    for entry in json.loads(section.text)["nftables"]:
        if chain := entry.get("chain"):
            chains.append(
                Chain(
                    chain["family"],
                    chain["table"],
                    chain["name"],
                    chain.get("hook", ""),
                    chain.get("policy", ""),
                    int(chain.get("prio", 0)),
                )
            )
        elif rule := entry.get("rule"):
            key = (rule["family"], rule["table"], rule["chain"])
            rules.append((key, Rule(rule["chain"], tuple(rule.get("expr", ())))))
        elif found := entry.get("set") or entry.get("map"):
            key = (found["family"], found["table"], found["name"])
            sets[key] = found.get("elem", [])
            if "interval" in found.get("flags", ()):
                prefixes.add(key)
    return Firewall(tuple(chains), tuple(rules), sets, frozenset(prefixes))
