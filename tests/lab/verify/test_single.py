"""Each control of packet filter and bans fails by a fault of its own, and only then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from deploys.firewall.places import RULES, TABLE
from keepgate import lab
from keepgate.verify import Scope, runner
from keepgate.verify.connection import connect
from tests.lab.bans.faults import FAULTS as BANS_AT_SITES
from tests.lab.verify import single
from tests.lab.verify.conftest import BASE, GOOD, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.edge import Target
    from keepgate.lab import LabHost
    from keepgate.report import Snapshot
    from keepgate.verify.connection import Connection
    from tests.lab.verify.conftest import Bench
    from tests.lab.verify.single import Single

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("verify")]

_NAME = "ver-single"
_KEPT = "/root/kept"
_PLACES = "/etc/fail2ban /etc/systemd/system"
_KEEP = f"mkdir -p {_KEPT}; cp -a --parents {_PLACES} {_KEPT}"
_RESTORE = f"""\
rm -rf {_PLACES}
cp -a {_KEPT}/etc/. /etc/
rm -f /var/log/auth.log
systemctl daemon-reload
nft flush ruleset
systemctl restart keepgate-firewall.service
systemctl reset-failed fail2ban.service
systemctl restart fail2ban.service
for _ in $(seq 150); do
  fail2ban-client status recidive >/dev/null 2>&1 && exit 0
  sleep 0.2
done
exit 1
"""


@dataclass(frozen=True)
class Clone:
    """A clone of the hardened host with a connection that outlives every fault."""

    host: LabHost
    where: Target
    opened: Connection

    def failing(self, topic: str) -> set[str]:
        """Return the controls of *topic* that fail now."""
        found: Snapshot = runner.run(self.where, self.opened, Scope((topic,)))
        return {finding.id for finding in found.failures}


@pytest.fixture(scope="module")
def standing(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """One clone for all faults."""
    assert bench
    (host,) = lab.up([_NAME], source=BASE)
    try:
        lab.execute(host, _KEEP)
        where = target(host, tmp_path_factory.mktemp("single"))
        with connect(where) as opened:
            yield Clone(host, where, opened)
    finally:
        lab.down([_NAME])


@pytest.fixture
def clone(standing: Clone) -> Iterator[Clone]:
    """The clone, without a fault before and after."""
    yield standing
    lab.execute(standing.host, _RESTORE)


@pytest.mark.parametrize("fault", single.SINGLE, ids=lambda fault: fault.name)
def test_a_fault_fails_its_own_controls(fault: Single, clone: Clone) -> None:
    """The controls that a fault breaks fail, the others of its topic hold."""
    prepare = f"set -e\ntable='{TABLE}'\nrules=$(mktemp)\ncp {RULES} $rules\n"
    lab.execute(clone.host, prepare + fault.script)

    assert fault.controls == clone.failing(fault.topic)


def test_without_a_fault_nothing_fails(clone: Clone) -> None:
    """What the faults are made on holds."""
    assert set() == clone.failing("firewall") | clone.failing("fail2ban")


def test_every_control_of_both_topics_has_a_fault_of_its_own() -> None:
    """No control of these is shown to fail only where the whole topic is absent."""
    own = {control for fault in single.SINGLE for control in fault.controls}
    elsewhere = {"FW-13", "FW-14", "FW-15", "FW-16"}  # tests/lab/verify/faults.py
    elsewhere |= set(BANS_AT_SITES)

    known = {f"FW-{n:02}" for n in range(1, 17)} | {f"BAN-{n:02}" for n in range(1, 17)}

    assert set() == known - own - elsewhere


def test_verify_twice_in_a_row(bench: Bench) -> None:
    """Right after one run, a second one has its address banned and set free again."""
    for _ in range(2):
        ended = bench.keepgate("verify", "--limit", GOOD, "--only", "outside", "--json")
        findings = ended.document["hosts"][0]["after"]["findings"]
        told = {f["id"]: (f["outcome"], f["reason"]) for f in findings}

        assert {"OUT-11": ("passed", ""), "OUT-12": ("passed", "")} == {
            control: told[control] for control in ("OUT-11", "OUT-12")
        }
