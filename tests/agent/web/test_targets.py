"""Return targets: signed, short-lived, and only ever a path of one of our sites."""

from __future__ import annotations

import pytest
from auth_agent.authz.paths import Unreadable
from auth_agent.web.cookies import Cookie, find, set_cookie
from auth_agent.web.targets import LIFETIME, Target, Targets
from hypothesis import given
from hypothesis import strategies as st

KEY = b"k" * 32
TARGET = Target("app.example.com", "/a?b=c", "ab" * 32)


def _at(now: float, key: bytes = KEY) -> Targets:
    return Targets(key, lambda: now)


def test_a_target_comes_back_as_it_was() -> None:
    """Signed and read by the same agent within the hour."""
    assert TARGET == _at(1000.0 + LIFETIME).read(_at(1000.0).sign(TARGET))


@pytest.mark.parametrize("now", [1001.0 + LIFETIME, 999.0 - LIFETIME])
def test_an_old_target_is_none(now: float) -> None:
    """Nor is one from a future that the clock has left again."""
    assert _at(now).read(_at(1000.0).sign(TARGET)) is None


def test_another_agents_target_is_none() -> None:
    """The key decides."""
    assert _at(0.0, b"x" * 32).read(_at(0.0).sign(TARGET)) is None


@pytest.mark.parametrize(
    ("host", "uri"),
    [("App.example.com", "/"), ("a b", "/"), ("app.example.com", "//evil.example")],
)
def test_what_no_request_can_ask_for_is_no_target(host: str, uri: str) -> None:
    """Not even with our signature."""
    word = _at(0.0).sign(Target(host, uri, "ab" * 32))

    assert _at(0.0).read(word) is None


def test_a_long_address_leads_to_the_sites_front() -> None:
    """Better than an address that no header holds."""
    word = _at(0.0).sign(Target("app.example.com", "/" + "a" * 5000, "ab" * 32))
    target = _at(0.0).read(word)

    assert target is not None
    assert "/" == target.uri


@given(st.text(max_size=300), st.integers(min_value=0, max_value=150))
def test_a_changed_word_is_none(text: str, place: int) -> None:
    """Any text, and any word with one letter changed."""
    word = _at(0.0).sign(TARGET)
    place %= len(word) - 2
    letter = "A" if word[place] != "A" else "B"

    assert _at(0.0).read(text) is None
    assert _at(0.0).read(word[:place] + letter + word[place + 1 :]) is None


@pytest.mark.parametrize(
    "more", ["\n", " ", "&to=", "#", '"><', "=", "\u2028", "\u00e9"]
)
@pytest.mark.parametrize("place", [0, 10, -1, None])
def test_a_word_has_one_spelling(more: str, place: int | None) -> None:
    """What the decoder would pass over has no way into a redirect."""
    word = _at(0.0).sign(TARGET)
    odd = word + more if place is None else word[:place] + more + word[place:]

    assert _at(0.0).read(odd) is None


@given(st.lists(st.text(max_size=80), max_size=3))
def test_a_cookie_is_a_token_or_refused(headers: list[str]) -> None:
    """No other text ever comes out of the parser."""
    try:
        value = find(headers, Cookie.LOGIN)
    except Unreadable:
        return
    assert value == "" or len(value) == 43


def test_a_cookie_of_a_longer_name_is_another_cookie() -> None:
    """`x__Host-…` is not ours."""
    assert find([f"x{Cookie.SITE}={'a' * 43}"], Cookie.SITE) == ""


@pytest.mark.parametrize("part", ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"])
def test_a_cookie_is_for_one_host_over_tls_and_not_for_scripts(part: str) -> None:
    """What `__Host-` demands, and more."""
    assert part in set_cookie(Cookie.LOGIN, "v", seconds=5).split("; ")
    assert all(cookie.startswith("__Host-") for cookie in Cookie)
