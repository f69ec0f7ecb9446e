"""Rules: host + method + path prefix -> permission, or public. No regexes.

The rule with the longest matching prefix decides; of two equally long ones that
which names the method. No rule: refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from auth_agent.authz.paths import Unreadable, clean_host, clean_method, clean_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PUBLIC = "public"
"""In place of a permission: anybody, logged in or not."""

AUTHENTICATED = "authenticated"
"""In place of a permission: anybody who is logged in."""


@dataclass(frozen=True)
class Rule:
    """One rule of the policy.

    *prefix* matches whole segments: `/admin` is for `/admin` and `/admin/x`, not
    for `/administrator`; `/` is for everything. No *methods* means every method.
    """

    host: str
    prefix: str
    permission: str
    methods: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if clean_host(self.host) != self.host or clean_path(self.prefix) != self.prefix:
            message = f"rule for {self.host}{self.prefix} is not in its plain form"
            raise Unreadable(message)
        if self.prefix != "/" and self.prefix.endswith("/"):
            message = f"prefix {self.prefix} must not end in a slash"
            raise Unreadable(message)
        for method in self.methods:
            clean_method(method)

    def covers(self, path: str) -> bool:
        """Whether the clean *path* lies at or below the prefix."""
        prefix = self.prefix
        return prefix in {"/", path} or path.startswith(prefix + "/")

    @property
    def text(self) -> str:
        """The rule in one line, as messages, lists and records show it."""
        methods = ",".join(sorted(self.methods)) or "*"
        return f"{methods} {self.host}{self.prefix} -> {self.permission}"


@dataclass(frozen=True)
class Step:
    """One rule that was looked at for a request, and why it did or did not apply."""

    rule: Rule
    applies: bool
    why: str


@dataclass
class _Place:
    """The rules of one host and prefix, by method."""

    by_method: dict[str, Rule] = field(default_factory=dict)
    any_method: Rule | None = None


@dataclass
class _Host:
    """The rules of one host: by prefix for look-ups, in order for explanations."""

    places: dict[str, _Place] = field(default_factory=dict)
    ordered: list[Rule] = field(default_factory=list)
    depth: int = 0


class RuleSet:
    """The rules of all sites, arranged for one look-up per request.

    Raises:
        ValueError: two rules are for the same requests, or would be if their paths
            were written in small letters.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._hosts: dict[str, _Host] = {}
        seen: dict[tuple[str, str, str], Rule] = {}
        for rule in self.rules:
            for method in rule.methods or {"*"}:
                other = seen.setdefault((rule.host, rule.prefix, method), rule)
                if other is not rule:
                    both = f"{other.text} and {rule.text}"
                    message = f"two rules for the same requests: {both}"
                    raise ValueError(message)
            self._add(rule)
        for host in self._hosts.values():
            host.ordered.sort(key=lambda rule: (-len(rule.prefix), not rule.methods))
        small = [replace(one, prefix=one.prefix.lower()) for one in self.rules]
        self.small = self if small == list(self.rules) else RuleSet(small)
        """The same rules, as an app has them that ignores capitals in paths."""

    def _add(self, rule: Rule) -> None:
        host = self._hosts.setdefault(rule.host, _Host())
        host.ordered.append(rule)
        host.depth = max(host.depth, rule.prefix.count("/"))
        place = host.places.setdefault(rule.prefix, _Place())
        for method in rule.methods:
            place.by_method[method] = rule
        if not rule.methods:
            place.any_method = rule

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that have a rule."""
        return frozenset(self._hosts)

    def readings(
        self, host: str, method: str, path: str
    ) -> tuple[Rule | None, Rule | None]:
        """Return the rules for *path* as written, and as read without capitals.

        Both count: an app that ignores case must not serve what a rule guards.
        """
        small = path.lower()
        rule = self.find(host, method, path)
        if small == path and self.small is self:
            return rule, rule
        return rule, self.small.find(host, method, small)

    def find(self, host: str, method: str, path: str) -> Rule | None:
        """Return the rule that decides on a clean request, or None: refused."""
        known = self._hosts.get(host)
        if known is None:
            return None
        # No prefix is deeper than the rules go: a long path costs no more.
        parts = path.split("/", known.depth + 1)
        prefix = "/".join(parts[: known.depth + 1])
        while True:
            place = known.places.get(prefix or "/")
            if place is not None:
                rule = place.by_method.get(method) or place.any_method
                if rule is not None:
                    return rule
            if prefix in {"", "/"}:
                return None
            prefix = prefix[: prefix.rindex("/")]

    def explain(self, host: str, method: str, path: str) -> tuple[Step, ...]:
        """Return every rule of *host* in the order of `find`, and what came of it.

        Ends with the rule that decides.
        """
        steps = []
        known = self._hosts.get(host)
        for rule in known.ordered if known else ():
            if not rule.covers(path):
                steps.append(Step(rule, applies=False, why="the path is not below it"))
            elif rule.methods and method not in rule.methods:
                steps.append(Step(rule, applies=False, why="it is for other methods"))
            else:
                steps.append(Step(rule, applies=True, why="the longest prefix"))
                break
        return tuple(steps)


def expand(host: str, preset: Mapping[str, list[list[str]]]) -> tuple[Rule, ...]:
    """Return the rules of a preset for *host*.

    A preset maps a permission to `[methods, prefix]` pairs, methods being words
    separated by blanks, or `*`.
    """
    rules = []
    for permission, places in preset.items():
        for methods, prefix in places:
            words = frozenset() if methods == "*" else frozenset(methods.split())
            rules.append(Rule(host, prefix, permission, words))
    return tuple(rules)
