"""Rules that somebody changes by hand, told by `plan` and put right by `apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.firewall.conftest import told

if TYPE_CHECKING:
    from tests.lab.firewall.conftest import Firewalled

DRIFTS = {
    "a rule too few": "nft flush chain inet keepgate ssh_rate",
    "no table": "nft delete table inet keepgate",
    "a dormant table": "nft add table inet keepgate '{ flags dormant; }'",
    "not at boot": "systemctl --quiet disable keepgate-firewall.service",
    "no file": "rm /etc/keepgate/firewall.nft",
}
STATE = """
systemctl is-enabled keepgate-firewall.service
systemctl is-active keepgate-firewall.service
sha256sum /etc/keepgate/firewall.nft
"""
TRIXIE = pytest.mark.xdist_group("firewall-trixie")

pytestmark = pytest.mark.lab


def _mends(host: Firewalled, drift: str) -> None:
    host.settle()
    before = host.table(), host.sh(STATE)
    host.sh(drift)
    assert before != (host.table(), host.sh(STATE, check=False))

    done = host.apply()

    assert "changed" == done.only["status"]
    assert before == (host.table(), host.sh(STATE))


@TRIXIE
@pytest.mark.parametrize("drift", list(DRIFTS))
def test_what_is_changed_by_hand_is_mended(trixie: Firewalled, drift: str) -> None:
    """`apply` judges by what the kernel holds and what will be loaded at boot."""
    _mends(trixie, DRIFTS[drift])


@pytest.mark.xdist_group("firewall-bookworm")
def test_debian_12_is_mended_alike(bookworm: Firewalled) -> None:
    """An older nft and systemd tell a change by hand as well."""
    _mends(bookworm, DRIFTS["a rule too few"])


@TRIXIE
def test_a_rule_by_hand_is_quoted_and_taken_away(trixie: Firewalled) -> None:
    """Who looks at the plan sees which rule somebody added."""
    trixie.settle()
    before = trixie.table()
    trixie.sh("nft add rule inet keepgate services tcp dport 4444 accept")

    planned = trixie.run("plan")
    trixie.apply()

    assert "+ tcp dport 4444 accept" in told(planned)
    assert before == trixie.table()


@TRIXIE
def test_what_was_mended_stays_mended(trixie: Firewalled) -> None:
    """After all that there is nothing left to do."""
    trixie.settle()

    assert 0 == trixie.apply().only["changes"]
