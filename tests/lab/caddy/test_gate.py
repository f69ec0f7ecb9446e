"""The gate's own tests, against the web server of a real host, from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.caddy.test_gate import (
    COOKIE,
    OPEN,
    SITE,
    test_a_body_above_the_limit_does_not_arrive,
    test_a_name_that_is_no_site_of_ours_gets_nothing,
    test_every_answer_has_the_security_headers,
    test_names_are_compared_without_case,
    test_no_address_can_be_claimed,
    test_no_identity_can_be_claimed,
    test_no_word_of_the_gate_is_dropped_on_the_way,
    test_preflights_are_refused_unless_allowed,
    test_strangers_networks_are_refused,
    test_the_agent_judges_the_real_request,
    test_the_app_is_told_who_came,
    test_the_app_never_sees_an_api_key,
    test_the_app_never_sees_the_session,
    test_the_gate_itself_is_not_for_the_outside,
    test_the_host_decides_not_the_certificate,
    test_what_only_looks_like_a_preflight_is_judged,
    test_without_login_nothing_reaches_the_app,
)

if TYPE_CHECKING:
    from tests.lab.caddy.hosts import Served

__all__ = [
    "test_a_body_above_the_limit_does_not_arrive",
    "test_a_name_that_is_no_site_of_ours_gets_nothing",
    "test_every_answer_has_the_security_headers",
    "test_names_are_compared_without_case",
    "test_no_address_can_be_claimed",
    "test_no_identity_can_be_claimed",
    "test_no_word_of_the_gate_is_dropped_on_the_way",
    "test_preflights_are_refused_unless_allowed",
    "test_strangers_networks_are_refused",
    "test_the_agent_judges_the_real_request",
    "test_the_app_is_told_who_came",
    "test_the_app_never_sees_an_api_key",
    "test_the_app_never_sees_the_session",
    "test_the_gate_itself_is_not_for_the_outside",
    "test_the_host_decides_not_the_certificate",
    "test_what_only_looks_like_a_preflight_is_judged",
    "test_without_login_nothing_reaches_the_app",
]

pytestmark = pytest.mark.lab


def test_ipv6_is_served_alike(either: Served) -> None:
    """The second door has the same gate, and tells the app its own address."""
    visitor = either.visitor(version=6)
    known = visitor.get(SITE, "/x", COOKIE, ("Remote-User", "eve"))

    assert ["alice"] == known.every("Remote-User")
    assert [visitor.seen_as] == known.every("X-Forwarded-For")
    assert 401 == visitor.get(SITE, "/x", ("Remote-User", "eve")).status


def test_without_the_agent_requests_are_refused(either: Served) -> None:
    """It fails closed, and comes back with the agent; open sites go on."""
    visitor = either.visitor()
    either.stop_stub("agent")
    try:
        refused = [visitor.get(SITE, path, COOKIE) for path in ("/x", "/public")]
        bare = visitor.get(OPEN)
    finally:
        either.start_stub("agent")

    assert {502} == {answer.status for answer in refused}
    assert bare.is_apps
    assert visitor.get(SITE, "/x", COOKIE).is_apps
