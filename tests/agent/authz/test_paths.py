"""One reading of a request, or none."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from auth_agent.authz.paths import Unreadable, clean_host, clean_path
from auth_agent.authz.rules import Rule, RuleSet
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/", "/"),
        ("/a/b?x=/../admin", "/a/b"),
        ("/caf%C3%A9/", "/café/"),
        ("/%61dmin", "/admin"),
        ("/a%20b", None),
        ("", None),
        ("a", None),
        ("//evil.example", None),
        ("/a//b", None),
        ("/a/../b", None),
        ("/a/..", None),
        ("/a/%2e%2e/b", None),
        ("/a%2fb", None),
        ("/a%2Fb", None),
        ("/a%5cb", None),
        ("/a\\b", None),
        ("/a;b", None),
        ("/a%3bb", None),
        ("/a%00", None),
        ("/a%2500", None),
        ("/a%", None),
        ("/a%zz", None),
        ("/a%ff", None),
        ("/a#b", None),
        ("/a\n", None),
        ("/a\u202eb", None),
        ("/a?b=\u0085", None),
        ("/a%C2%85", None),
        ("/a%E2%80%AEb", None),
        ("/a%E2%80%A8b", None),
        ("http://host/a", None),
        ("/" + "a" * 9000, None),
    ],
)
def test_path_is_read_in_one_way_or_refused(uri: str, path: str | None) -> None:
    """What can be read in two ways is refused, never mended."""
    if path is None:
        with pytest.raises(Unreadable):
            clean_path(uri)
    else:
        assert path == clean_path(uri)


@given(st.text(max_size=60))
def test_clean_path_is_final(text: str) -> None:
    """Cleaning twice, or encoding and cleaning again, changes nothing."""
    try:
        path = clean_path("/" + text)
    except Unreadable:
        return
    assert path == clean_path(path)
    assert path == clean_path(quote(path))
    assert ".." not in path.split("/")


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("App.Example.com", "app.example.com"),
        ("app.example.com:443", "app.example.com"),
        ("app.example.com.", "app.example.com"),
        ("app.example.com:65535", "app.example.com"),
        ("app.example.com:655355", None),
        ("app.example.com:x", None),
        ("app..example.com", None),
        ("-app.example.com", None),
        ("[::1]", None),
        ("app_example.com", None),
        ("app.example.com, b", None),
        ("", None),
    ],
)
def test_host_is_canonical_or_refused(value: str, host: str | None) -> None:
    """Case, port and final dot do not make another site."""
    if host is None:
        with pytest.raises(Unreadable):
            clean_host(value)
    else:
        assert host == clean_host(value)


def test_longest_prefix_decides_by_whole_segments() -> None:
    """`/admin` is not `/administrator`, and a longer prefix wins."""
    rules = RuleSet(
        [
            Rule("a.example", "/", "app.view"),
            Rule("a.example", "/admin", "app.admin"),
            Rule("a.example", "/admin", "app.edit", frozenset({"PUT"})),
        ]
    )

    def permission(method: str, path: str) -> str | None:
        rule = rules.find("a.example", method, path)
        return rule.permission if rule else None

    assert "app.admin" == permission("GET", "/admin")
    assert "app.admin" == permission("GET", "/admin/x")
    assert "app.edit" == permission("PUT", "/admin/x")
    assert "app.view" == permission("GET", "/administrator")
    assert rules.find("b.example", "GET", "/") is None


def test_contradicting_rules_are_refused() -> None:
    """Two rules for the same requests are an error, not a matter of order."""
    with pytest.raises(ValueError, match="two rules"):
        RuleSet([Rule("a.example", "/", "app.view"), Rule("a.example", "/", "public")])
