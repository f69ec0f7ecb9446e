"""A code carries a login to one site, in one browser, once, within a minute."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from auth_agent.callers import Client
from auth_agent.errors import LinkRefusedError
from auth_agent.ids import token_hash

if TYPE_CHECKING:
    from tests.agent.conftest import World

BROWSER = Client(ip="192.0.2.1")
SITE = "app.example.com"
BINDING = "the site's binding cookie"


@pytest.fixture
def code(world: World) -> str:
    """Return a code for SITE in the browser with BINDING."""
    login = world.log_in(world.person("ada"))
    return world.services.sessions.issue_code(login, SITE, token_hash(BINDING))


def redeem(world: World, code: str, host: str = SITE, binding: str = BINDING) -> str:
    """Redeem the code."""
    return world.do(world.services.sessions.redeem_code(code, host, binding, BROWSER))


def test_a_code_opens_a_session(world: World, code: str) -> None:
    """Redeemed where and how it was made for, it gives the site's cookie."""
    token = redeem(world, code)

    assert world.services.sessions.resolve_site(token, SITE) is not None
    assert token != code


def test_a_code_is_good_once(world: World, code: str) -> None:
    """A second redemption is refused and recorded; the first session stays."""
    token = redeem(world, code)

    with pytest.raises(LinkRefusedError):
        redeem(world, code)

    assert "used_again" == world.last("session.reject_replay")["reason"]
    assert world.services.sessions.resolve_site(token, SITE) is not None


def test_a_code_is_good_for_a_minute(world: World, code: str) -> None:
    """After sixty seconds it is dead."""
    world.clock.advance(60)

    with pytest.raises(LinkRefusedError):
        redeem(world, code)

    assert "expired" == world.last("session.reject_replay")["reason"]


@pytest.mark.parametrize(
    ("host", "binding", "reason"),
    [
        ("other.example.com", BINDING, "other_site"),
        (SITE, "another browser", "other_browser"),
        (SITE, "", "other_browser"),
    ],
)
def test_a_code_elsewhere_is_refused_and_spent(
    world: World, code: str, host: str, binding: str, reason: str
) -> None:
    """Presented at another site or by another browser it is worth nothing any more."""
    with pytest.raises(LinkRefusedError):
        redeem(world, code, host, binding)
    with pytest.raises(LinkRefusedError):
        redeem(world, code)

    reasons = [
        one["reason"]
        for one in world.records()
        if one["event"] == "session.reject_replay"
    ]
    assert [reason, "used_again"] == reasons


def test_parallel_redemptions_give_one_session(world: World, code: str) -> None:
    """Of ten at once one gets in."""

    async def storm() -> list[object]:
        sessions = world.services.sessions
        return await asyncio.gather(
            *(sessions.redeem_code(code, SITE, BINDING, BROWSER) for _ in range(10)),
            return_exceptions=True,
        )

    results = world.do(storm())

    assert 1 == sum(isinstance(result, str) for result in results)
    assert 1 == len(world.services.sessions.by_hash)


def test_a_code_ends_with_its_login(world: World) -> None:
    """After the logout the code opens nothing."""
    login = world.log_in(world.person("ada"))
    code = world.services.sessions.issue_code(login, SITE, token_hash(BINDING))
    world.do(world.services.login.logout(login, BROWSER))

    with pytest.raises(LinkRefusedError):
        redeem(world, code)


def test_a_second_session_at_a_site_replaces_the_first(world: World) -> None:
    """A browser has one cookie a site; the older one is dead."""
    login = world.log_in(world.person("ada"))
    first, second = world.site_token(login), world.site_token(login)

    assert world.services.sessions.resolve_site(first, SITE) is None
    assert world.services.sessions.resolve_site(second, SITE) is not None


@pytest.mark.parametrize("code", ["", "x" * 43, "\ud800", "a" * 10_000])
def test_what_is_no_code_is_refused(world: World, code: str) -> None:
    """Made-up codes open nothing and break nothing."""
    with pytest.raises(LinkRefusedError):
        redeem(world, code)
