"""Commits of the firewall that are undone, hosts that restart, hosts left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.commands.conftest import gets_in, state_of
from tests.lab.firewall.conftest import told
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from tests.lab.firewall.conftest import Firewalled

OWN = pytest.mark.xdist_group("firewall-undone")
RELEASES = [
    pytest.param("own", marks=OWN),
    pytest.param("bookworm", marks=pytest.mark.xdist_group("firewall-bookworm")),
]

pytestmark = pytest.mark.lab
ROLLED_BACK = "test -e /var/lib/keepgate/commit/rolled_back && echo yes"
MONOTONIC = (
    "for unit in keepgate-firewall.service ssh.socket ssh.service; do "
    "systemctl show -P ActiveEnterTimestampMonotonic $unit; done"
)


@pytest.fixture(params=RELEASES)
def each(request: pytest.FixtureRequest) -> Firewalled:
    """A host of each release."""
    found: Firewalled = request.getfixturevalue(request.param)
    return found


def _undone(host: Firewalled) -> None:
    eventually(
        lambda: host.sh(ROLLED_BACK, check=False).strip(), "the host rolled back"
    )
    assert "problem:" not in host.sh("cat /var/lib/keepgate/commit/rolled_back/report")


def test_rules_of_before_come_back(each: Firewalled) -> None:
    """A lost controller costs the new rules, also those that somebody made by hand."""
    each.settle()
    each.sh("nft add rule inet keepgate services tcp dport 4444 accept")
    before = each.table()

    each.die_before_proof(tcp=[8443])
    assert "8443" in each.table()
    _undone(each)

    assert before == each.table()
    assert gets_in(each.host)


def test_restart_loads_the_rules_before_ssh(each: Firewalled) -> None:
    """There is no moment in which SSH answers and nothing filters."""
    each.settle()
    before = each.table()

    each.reboot()

    assert before == each.table()
    filtered, *ssh = (int(line) for line in each.sh(MONOTONIC).split())
    assert 0 < filtered < min(one for one in ssh if one)
    assert 0 == each.apply().only["changes"]


@OWN
def test_no_table_comes_back_where_none_was(own: Firewalled) -> None:
    """The first firewall of a host leaves nothing when it is undone."""
    own.sh(
        "systemctl --quiet disable --now keepgate-firewall.service; "
        "rm -r /etc/keepgate /etc/systemd/system/keepgate-firewall.service; "
        "systemctl daemon-reload; nft delete table inet keepgate"
    )

    own.die_before_proof()
    assert own.table()
    _undone(own)

    assert not own.table()
    left = "ls -d /etc/keepgate /etc/systemd/system/*/keepgate-firewall.service"
    assert not own.sh(f"{left} 2>/dev/null || true")
    failed = own.sh("systemctl --failed --no-legend --plain")
    assert "keepgate" not in failed
    assert gets_in(own.host)


@OWN
def test_restart_while_armed_ends_without_a_table(own: Firewalled) -> None:
    """A host cut off in the middle of its first firewall boots as it was before."""
    own.sh("! nft list table inet keepgate 2>/dev/null")

    own.die_before_proof()
    own.reboot()
    _undone(own)

    assert not own.table()
    assert "keepgate" not in own.sh("systemctl --failed --no-legend --plain")
    assert gets_in(own.host)


@OWN
def test_active_ufw_is_refused(own: Firewalled) -> None:
    """Two firewalls do not go together; the operator is told how to move over."""
    own.sh(
        "apt-get -qq -y install ufw >/dev/null; ufw allow 22/tcp >/dev/null; "
        "ufw --force enable >/dev/null",
        seconds=150,
    )
    before = state_of(own.host)

    done = own.run("apply", firewall={"tcp": [443]})

    assert (1, "refused") == (done.code, done.only["status"])
    assert "ufw disable" in told(done)
    assert before == state_of(own.host)
