"""A current Caddy on a host: the gate, its controls, and certificates by ACME."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.caddy.test_acme import (
    issuer,
    name,
    test_a_certificate_is_had_and_kept,
    test_a_certificate_is_renewed,
    test_the_controls_trust_the_authority_that_is_named,
    test_without_the_authority_nothing_is_changed,
)
from tests.lab.caddy.test_gate import (
    test_a_name_that_is_no_site_of_ours_gets_nothing,
    test_every_answer_has_the_security_headers,
    test_ipv6_is_served_alike,
    test_no_address_can_be_claimed,
    test_no_identity_can_be_claimed,
    test_the_app_never_sees_the_session,
    test_the_gate_itself_is_not_for_the_outside,
    test_without_login_nothing_reaches_the_app,
    test_without_the_agent_requests_are_refused,
)
from tests.lab.caddy.test_topic import (
    test_a_certificate_that_cannot_be_had_takes_nothing_away,
    test_a_configuration_that_caddy_refuses_is_not_placed,
    test_a_lost_controller_is_undone_by_the_host,
    test_logs_are_closed_and_without_credentials,
)

if TYPE_CHECKING:
    from tests.lab.caddy.hosts import Served

__all__ = [
    "issuer",
    "name",
    "test_a_certificate_is_had_and_kept",
    "test_a_certificate_is_renewed",
    "test_a_certificate_that_cannot_be_had_takes_nothing_away",
    "test_a_configuration_that_caddy_refuses_is_not_placed",
    "test_a_lost_controller_is_undone_by_the_host",
    "test_a_name_that_is_no_site_of_ours_gets_nothing",
    "test_every_answer_has_the_security_headers",
    "test_ipv6_is_served_alike",
    "test_logs_are_closed_and_without_credentials",
    "test_no_address_can_be_claimed",
    "test_no_identity_can_be_claimed",
    "test_the_app_never_sees_the_session",
    "test_the_controls_trust_the_authority_that_is_named",
    "test_the_gate_itself_is_not_for_the_outside",
    "test_without_login_nothing_reaches_the_app",
    "test_without_the_agent_requests_are_refused",
    "test_without_the_authority_nothing_is_changed",
]

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("caddy-archive")]


@pytest.fixture
def either(current: Served) -> Served:
    """The host with the archive's Caddy, in place of those with Debian's."""
    current.start_stub("agent")
    return current
