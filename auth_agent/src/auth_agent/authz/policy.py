"""The policy in force: rules of all sites, and what each role may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auth_agent.authz.permissions import ROLE_PERMISSIONS, Permission, Role
from auth_agent.authz.presets import Preset, load_preset
from auth_agent.authz.rules import PUBLIC, Rule, RuleSet, Step, expand
from auth_agent.config.model import Config, Site


@dataclass(frozen=True)
class Policy:
    """Rules and roles, made from a configuration; a change makes a new one."""

    rules: RuleSet
    roles: Mapping[str, frozenset[str]]
    presets: Mapping[str, Preset] = field(default_factory=dict)
    asserted: frozenset[str] = frozenset()
    """Hosts that are told who asks by a signed assertion, too."""

    @property
    def permissions(self) -> frozenset[str]:
        """Every permission that some role has or some rule asks for."""
        return frozenset(Permission).union(*self.roles.values())

    def role_allows(self, role: str, permission: str) -> bool:
        """Whether *role* has *permission*; an unknown role has none."""
        return permission in self.roles.get(role, frozenset())


@dataclass(frozen=True)
class Explanation:
    """Why a request is allowed or refused for each role."""

    method: str
    host: str
    path: str
    permission: str
    steps: tuple[Step, ...]
    allowed: Mapping[str, bool]

    @property
    def text(self) -> str:
        """The explanation as lines."""
        lines = [f"{self.method} {self.host}{self.path}"]
        lines += [
            f"  {'=>' if step.applies else '  '} {step.rule.text}  ({step.why})"
            for step in self.steps
        ]
        lines.append(f"  asks for: {self.permission or 'no rule, so it is refused'}")
        lines += [
            f"  {role}: {'allowed' if allowed else 'refused'}"
            for role, allowed in self.allowed.items()
        ]
        return "\n".join(lines)


def site_rules(site: Site) -> tuple[Rule, ...]:
    """Return the rules of *site*: its own ones take the place of its preset's.

    Raises:
        LookupError: there is no such preset.
        ValueError: a rule is not in its plain form.
    """
    own = [Rule(site.host, prefix, PUBLIC) for prefix in site.public]
    own += expand(
        site.host,
        {name: [list(one) for one in places] for name, places in site.rules.items()},
    )
    if site.preset == "none":
        return tuple(own)
    places = load_preset(site.preset).rules
    preset = expand(
        site.host, {name: [list(one) for one in two] for name, two in places.items()}
    )
    mine = {(rule.prefix, method) for rule in own for method in rule.methods or {"*"}}
    kept = []
    for rule in preset:
        methods = frozenset(
            one for one in rule.methods if (rule.prefix, one) not in mine
        )
        whole = (rule.prefix, "*") in mine
        if not whole and (methods or not rule.methods):
            kept.append(Rule(rule.host, rule.prefix, rule.permission, methods))
    return (*own, *kept)


def roles_of(config: Config) -> dict[str, frozenset[str]]:
    """Return what each role may: built in, by the sites' presets, and further ones.

    The agent's own permissions come from the built-in table, an app's from its
    preset. A name that stands in several is given where all of them give it.
    """
    own = frozenset(Permission) - frozenset(load_preset("app").permissions)
    names = {site.preset for site in config.sites} - {"none"} or {"app"}
    presets = [load_preset(name) for name in sorted(names)]
    roles: dict[str, frozenset[str]] = {}
    for role in Role:
        granted: set[str] = {*(ROLE_PERMISSIONS[role] & own)}
        refused: set[str] = {*(own - ROLE_PERMISSIONS[role])}
        for preset in presets:
            given = set(preset.roles.get(role, ()))
            granted |= given
            refused |= set(preset.permissions) - given
        granted -= refused
        roles[role.value] = frozenset(str(one) for one in granted)
    roles |= {name: frozenset(given) for name, given in config.roles.items()}
    for site in config.sites:
        # What a site's own rules ask for is at least an administrator's.
        asked = set(site.rules) - {"public", "authenticated"}
        roles[Role.ADMIN.value] |= frozenset(asked)
    return roles


def build_policy(config: Config) -> Policy:
    """Return the policy that *config* says.

    Raises:
        LookupError, ValueError: as `site_rules`; `check` explains these beforehand.
    """
    rules = [rule for site in config.sites for rule in site_rules(site)]
    names = {site.preset for site in config.sites} - {"none"}
    presets = {name: load_preset(name) for name in sorted(names)}
    asserted = frozenset(site.host for site in config.sites if site.assertion)
    return Policy(RuleSet(rules), roles_of(config), presets, asserted)


def explain(policy: Policy, host: str, method: str, path: str) -> Explanation:
    """Return why a clean request is allowed or refused."""
    readings = policy.rules.readings(host, method, path)
    asked = dict.fromkeys(rule.permission for rule in readings if rule)
    needed = set(asked) - {"public", "authenticated"}
    allowed = {
        role: None not in readings and needed <= granted
        for role, granted in policy.roles.items()
    }
    steps = policy.rules.explain(host, method, path)
    if readings[0] != readings[1]:
        steps += policy.rules.small.explain(host, method, path.lower())
    permission = "" if None in readings else " and ".join(asked)
    return Explanation(method, host, path, permission, steps, allowed)
