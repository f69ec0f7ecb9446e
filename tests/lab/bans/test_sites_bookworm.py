"""The bans at the sites on Debian 12, whose fail2ban, nft and systemd are older."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.bans.site import forgiven, serving
from tests.lab.bans.test_sites import (
    test_a_local_user_cannot_have_others_banned,
    test_a_second_run_changes_nothing,
    test_bans_go_on_when_the_log_is_rolled,
    test_ipv6_is_shut_out_by_its_prefix,
    test_the_operator_is_never_shut_out,
    test_who_guesses_passwords_is_shut_out,
    test_who_is_refused_again_and_again_is_shut_out,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.bans.site import Sites

__all__ = [
    "test_a_local_user_cannot_have_others_banned",
    "test_a_second_run_changes_nothing",
    "test_bans_go_on_when_the_log_is_rolled",
    "test_ipv6_is_shut_out_by_its_prefix",
    "test_the_operator_is_never_shut_out",
    "test_who_guesses_passwords_is_shut_out",
    "test_who_is_refused_again_and_again_is_shut_out",
]

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("bans-sites-bookworm")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """A Debian 12 host with a site."""
    with serving(tmp_path_factory.mktemp("sites"), "bookworm") as made:
        yield made


@pytest.fixture
def sites(served: Sites) -> Iterator[Sites]:
    """The host, with nobody banned."""
    with forgiven(served) as made:
        yield made
