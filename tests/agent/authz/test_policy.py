"""The policy of presets and configurations, and why it says what it says."""

from __future__ import annotations

import msgspec
import pytest
from auth_agent.audit.events import PENDING, Event
from auth_agent.authz.paths import Unreadable
from auth_agent.authz.permissions import Role
from auth_agent.authz.policy import build_policy, explain
from auth_agent.authz.presets import load_preset, preset_names
from auth_agent.authz.rules import Rule, RuleSet
from auth_agent.config.model import Config, Login, Site
from hypothesis import given
from hypothesis import strategies as st

HOST = "app.example.com"


def _config(*sites: Site) -> Config:
    return Config(login=Login(host="auth.example.com"), sites=sites)


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_complete(name: str) -> None:
    """Every permission has a rule or a reason; no rule or role names another."""
    preset = load_preset(name)

    assert set(preset.permissions) == set(preset.rules) | set(preset.unruled)
    assert not set(preset.rules) & set(preset.unruled)
    assert set(preset.permissions) == set(preset.roles["admin"])
    assert set(preset.roles) == set(Role)
    assert set(preset.roles["viewer"]) < set(preset.roles["editor"])
    assert set(preset.roles["editor"]) < set(preset.permissions)


def test_dango_has_its_sizes() -> None:
    """29 permissions; 29, 19 and 8 by role."""
    preset = load_preset("dango")

    sizes = [len(set(preset.roles[role])) for role in Role]
    assert [29, 19, 8] == sizes


def test_each_of_dangos_44_events_is_mapped_or_reasoned() -> None:
    """To an event that the agent really writes, or with a sentence why not."""
    preset = load_preset("dango")

    assert 44 == len(preset.events) + len(preset.unmapped)
    assert not set(preset.events) & set(preset.unmapped)
    assert set(preset.events.values()) <= set(Event) - PENDING
    assert all(len(reason) > 20 for reason in preset.unmapped.values())


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("role", sorted(Role))
def test_each_rule_lets_in_whom_the_role_table_says(name: str, role: Role) -> None:
    """Role x rule: the explanation agrees with the data."""
    policy = build_policy(_config(Site(host=HOST, preset=name)))
    preset = load_preset(name)
    for rule in policy.rules.rules:
        for method in sorted(rule.methods) or ["GET", "POST", "DELETE"]:
            found = explain(policy, HOST, method, rule.prefix)

            assert rule.permission == found.permission
            wanted = rule.permission in preset.roles[role]
            assert wanted == found.allowed[role], rule.text


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/", "app.view"),
        ("GET", "/administrator", "app.view"),
        ("GET", "/admin", "app.admin"),
        ("POST", "/admin/x", "app.admin"),
        ("DELETE", "/files/a", "files.delete"),
        ("DELETE", "/filesystem", "app.delete"),
        ("PATCH", "/export", "app.edit"),
        ("TRACE", "/", ""),
    ],
)
def test_the_default_policy(method: str, path: str, permission: str) -> None:
    """Whole segments, the longest prefix, and nothing for unnamed methods."""
    policy = build_policy(_config(Site(host=HOST)))

    assert permission == explain(policy, HOST, method, path).permission


def test_a_sites_own_rules_take_the_place_of_its_presets() -> None:
    """For the same prefix and method; the others stay."""
    site = Site(host=HOST, rules={"reports.write": (("POST", "/"),)}, public=("/s",))
    policy = build_policy(_config(site))

    assert "reports.write" == explain(policy, HOST, "POST", "/").permission
    assert "app.view" == explain(policy, HOST, "GET", "/").permission
    assert "public" == explain(policy, HOST, "POST", "/s/x").permission
    assert policy.role_allows("admin", "reports.write")
    assert not policy.role_allows("editor", "reports.write")


def test_a_name_that_two_presets_share_is_given_where_both_give_it() -> None:
    """An editor of Dango does not see its users because of the agent's own table."""
    policy = build_policy(_config(Site(host=HOST, preset="dango")))

    assert not policy.role_allows("editor", "users.view")
    assert policy.role_allows("editor", "policy.view")
    assert not policy.role_allows("viewer", "app.view")


@pytest.mark.parametrize(
    ("host", "prefix", "method"),
    [
        ("App.example.com", "/", "GET"),
        (HOST, "/a/../b", "GET"),
        (HOST, "/%61", "GET"),
        (HOST, "/a/", "GET"),
        (HOST, "/a", "get"),
    ],
)
def test_a_rule_that_no_request_meets_is_none(
    host: str, prefix: str, method: str
) -> None:
    """Requests are matched in their plain form: a rule must be in it, too."""
    with pytest.raises(Unreadable):
        Rule(host, prefix, "x.y", frozenset({method}))


@pytest.mark.parametrize("path", ["/Admin", "/admin", "/ADMIN/x"])
@pytest.mark.parametrize("written", ["/admin", "/Admin"])
def test_capitals_lead_around_no_rule(written: str, path: str) -> None:
    """Neither in a request nor in the rule: an app may ignore them."""
    site = Site(host=HOST, preset="none", rules={"x.y": (("*", written),)})
    open_to_all = msgspec.structs.replace(site, public=("/",))
    policy = build_policy(_config(open_to_all))

    found = explain(policy, HOST, "GET", path)

    assert "x.y" in found.permission
    assert {"admin"} == {role for role, allowed in found.allowed.items() if allowed}
    assert "x.y" in found.text


def test_an_open_path_is_open_as_it_is_written() -> None:
    """In another spelling it is what the rest of the site is."""
    policy = build_policy(_config(Site(host=HOST, public=("/Open",))))

    assert "public" == explain(policy, HOST, "GET", "/Open/x").permission
    assert "app.view" in explain(policy, HOST, "GET", "/open/x").permission


def test_rules_that_differ_in_capitals_alone_are_refused() -> None:
    """Which of them an app means that ignores case, nobody can say."""
    rules = [Rule(HOST, "/A", "x.y"), Rule(HOST, "/a", "x.z")]

    with pytest.raises(ValueError, match="two rules for the same requests"):
        RuleSet(rules)


def test_an_unknown_host_has_no_rule() -> None:
    """The explanation says so."""
    policy = build_policy(_config(Site(host=HOST)))

    text = explain(policy, "evil.example.com", "GET", "/").text

    assert "no rule, so it is refused" in text


def test_a_role_that_nobody_defined_may_nothing() -> None:
    """Not even what everybody with a role may."""
    policy = build_policy(_config(Site(host=HOST)))

    assert not policy.role_allows("root", "app.view")


_segment = st.sampled_from(["a", "b", "files", "admin", "api", "x"])
_path = st.lists(_segment, max_size=5).map(lambda parts: "/" + "/".join(parts))


@given(
    prefixes=st.lists(
        st.tuples(_path, st.sampled_from(["", "GET", "POST"])), max_size=8, unique=True
    ),
    path=_path,
    method=st.sampled_from(["GET", "POST", "PUT"]),
)
def test_the_look_up_agrees_with_the_explanation(
    prefixes: list[tuple[str, str]], path: str, method: str
) -> None:
    """Two ways to the same answer, of which one is written plainly."""
    rules = RuleSet(
        Rule(HOST, prefix, f"p.{number}", frozenset({only} - {""}))
        for number, (prefix, only) in enumerate(prefixes)
    )

    steps = rules.explain(HOST, method, path)

    decided = steps[-1].rule if steps and steps[-1].applies else None
    assert decided == rules.find(HOST, method, path)
