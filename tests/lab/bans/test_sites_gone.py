"""The last site is taken out: nothing is served, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.bans.site import BARE
from tests.lab.commands.conftest import gets_in
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from tests.lab.bans.site import Sites

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("bans-sites")]

_JUDGED: Final = ("firewall", "fail2ban", "agent", "caddy")
_KEPT: Final = (
    "find /var/lib/caddy/.local -name '*.crt' -o -name '*.key' | sort"
    " | xargs sha256sum; sha256sum /etc/auth-agent/secret;"
    " head -n 1 /var/lib/auth-agent/audit/000001.jsonl | sha256sum;"
    " stat -c '%n %U %a' /var/lib/auth-agent/agent.db /var/log/caddy/access.json"
)
"""Tells certificates and their keys, accounts, the audit log and the access log."""


def test_without_sites_nothing_is_served_and_all_is_kept(sites: Sites) -> None:
    """By Caddy, the agent and the packet filter; with the site all of it is back."""
    before = sites.sh(_KEPT)
    try:
        gone = sites.keepgate("apply", inventory=BARE)
        again = sites.keepgate("apply", inventory=BARE)
        found = sites.keepgate("verify", topics=_JUDGED, inventory=BARE).only["after"]
        state = sites.sh(
            "systemctl is-active caddy auth-agent;"
            " systemctl is-enabled caddy auth-agent",
            check=False,
        )
        listening = sites.sh("ss -Hlntu 'sport = :80 or sport = :443'")
        rules = sites.sh("nft list table inet keepgate")
        seen = sites.knock("look")
        kept = sites.sh(_KEPT)
    finally:
        back = sites.keepgate("apply")

    assert (0, 0) == (gone.code, again.code), f"{gone.out}\n{again.out}"
    assert 0 == again.only["changes"], again.out
    assert ["inactive", "inactive", "disabled", "disabled"] == state.split()
    assert ("", [0]) == (listening, seen)
    assert "443" not in rules
    assert found is not None
    assert [] == [one for one in found["findings"] if one["outcome"] == "failed"]
    assert before == kept
    assert 0 == back.code, back.out
    eventually(lambda: sites.knock("look") == [200], "the site is back")
    assert before == sites.sh(_KEPT)
    assert gets_in(sites.host)
