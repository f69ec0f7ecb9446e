"""The controls of bans at the sites: they hold, and each can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.bans.faults import FAULTS
from tests.lab.bans.site import PROXIED

if TYPE_CHECKING:
    from tests.lab.bans.site import Sites

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("bans-sites")]


def test_the_controls_of_bans_hold_and_each_can_fail(sites: Sites) -> None:
    """Those of the sites' jails among them; `apply` mends what was broken."""
    assert {"passed"} == set(sites.found().values())

    sites.sh("\n".join(FAULTS.values()))
    try:
        broken = sites.found()
    finally:
        mended = sites.keepgate("apply", topics=("fail2ban",))

    assert 0 == mended.code, mended.out
    assert {"failed"} == {broken[control] for control in FAULTS}, broken
    assert {"passed"} == set(sites.found().values())


def test_behind_a_proxy_the_jails_must_not_be_there(sites: Sites) -> None:
    """They would shut out the proxy, and the controls say so."""
    found = sites.found(PROXIED)

    assert ("failed", "failed") == (found["BAN-14"], found["BAN-15"])
