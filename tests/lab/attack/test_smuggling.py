"""The agent's own suite of forged requests, against the gate of a real host."""

from __future__ import annotations

import pytest

from tests.agent.caddy.test_credentials import (
    key,
    test_a_key_opens_the_site_without_a_cookie,
    test_a_spoilt_cookie_gets_nobody_to_the_app,
    test_the_app_gets_no_cookie_of_the_agent,
    test_the_app_gets_no_key_of_the_agent,
    test_the_apps_own_credentials_pass,
)
from tests.agent.caddy.test_identity import (
    test_identity_headers_after_a_body_are_removed,
    test_no_identity_header_is_dropped_on_the_way,
    test_nobody_changes_the_identity_one_has,
    test_nobody_gives_oneself_an_identity,
    test_repeated_identity_headers_are_all_removed,
    test_the_app_is_told_one_address_and_the_true_one,
)
from tests.agent.caddy.test_targets import (
    test_no_framing_hides_a_request_from_the_gate,
    test_no_header_gets_a_stranger_to_the_app,
    test_no_host_gets_a_stranger_to_the_app,
    test_no_method_gets_a_stranger_to_the_app,
    test_no_target_gets_a_stranger_to_what_is_not_public,
    test_who_is_known_reaches_the_path_that_was_judged,
)
from tests.agent.caddy.test_websocket import (
    test_it_opens_for_no_foreign_page,
    test_it_opens_for_no_stranger,
    test_it_opens_for_the_sites_own_page,
)

__all__ = [
    "key",
    "test_a_key_opens_the_site_without_a_cookie",
    "test_a_spoilt_cookie_gets_nobody_to_the_app",
    "test_identity_headers_after_a_body_are_removed",
    "test_it_opens_for_no_foreign_page",
    "test_it_opens_for_no_stranger",
    "test_it_opens_for_the_sites_own_page",
    "test_no_framing_hides_a_request_from_the_gate",
    "test_no_header_gets_a_stranger_to_the_app",
    "test_no_host_gets_a_stranger_to_the_app",
    "test_no_identity_header_is_dropped_on_the_way",
    "test_no_method_gets_a_stranger_to_the_app",
    "test_no_target_gets_a_stranger_to_what_is_not_public",
    "test_nobody_changes_the_identity_one_has",
    "test_nobody_gives_oneself_an_identity",
    "test_repeated_identity_headers_are_all_removed",
    "test_the_app_gets_no_cookie_of_the_agent",
    "test_the_app_gets_no_key_of_the_agent",
    "test_the_app_is_told_one_address_and_the_true_one",
    "test_the_apps_own_credentials_pass",
    "test_who_is_known_reaches_the_path_that_was_judged",
]

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]
