"""What `verify` says of a stock host, of a hardened one, and of one gone bad."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from keepgate import lab
from keepgate.report.model import Report
from keepgate.verify import runner
from tests.lab.agent.test_controls import FAULTS as OF_THE_AGENT
from tests.lab.bans.faults import FAULTS as OF_BANS_AT_SITES
from tests.lab.caddy.faults import CONTROLS as OF_SITES
from tests.lab.verify import faults
from tests.lab.verify.conftest import GOOD, NOBODY, broken

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.verify.conftest import Bench, Ended

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("verify")]


def _failed(document: dict[str, object]) -> set[str]:
    report = Report.model_validate_json(
        json.dumps({key: document[key] for key in Report.model_fields})
    )
    assert report.hosts[0].after is not None
    return {finding.id for finding in report.hosts[0].after.failures}


def _catalogue(folder: Path) -> set[str]:
    path = folder / "catalogue.json"
    done = runner.pytest(["--collect-only", f"--keepgate-catalogue={path}"])
    assert 0 == done.returncode, done.stdout
    return {control["id"] for control in json.loads(path.read_text())["controls"]}


def test_stock_host_fails(stock: Ended) -> None:
    """A stock host ends the command with 1, and what is open is named."""
    assert 1 == stock.status, stock.err
    assert {"SSH-03", "FW-01", "BAN-01", "OUT-01", "OUT-06"} <= _failed(stock.document)


def test_hardened_host_passes(bench: Bench) -> None:
    """After `apply` and a restart every control that can be observed holds."""
    ended = bench.keepgate("verify", "--limit", GOOD, "--json")

    assert set() == _failed(ended.document)
    assert 0 == ended.status


def test_report_files_can_be_read(stock: Ended, bench: Bench) -> None:
    """JSON, JUnit and HTML are written, are well formed, and count alike."""
    folder = bench.inventory.with_name("report")
    report = Report.model_validate_json((folder / "report.json").read_text())
    suites = ET.parse(folder / "junit.xml").getroot()  # noqa: S314 - our own file
    page = (folder / "report.html").read_text()

    assert report.hosts[0].after is not None
    tally = report.hosts[0].after.tally
    assert str(tally.failed) == suites.get("failures")
    assert str(tally.not_observed) == suites.get("skipped")
    assert f"{tally.passed} of {tally.observed} controls hold" in page
    assert len(_failed(stock.document)) == tally.failed


def test_address_that_misbehaves_is_banned_and_set_free(bench: Bench) -> None:
    """The second address is shut out for real, and can connect again afterwards."""
    ended = bench.keepgate("verify", "--limit", GOOD, "--only", "outside", "--json")
    after = ended.document["hosts"][0]["after"]
    reasons = {f["id"]: f["reason"] for f in after["findings"]}
    (host,) = (host for host in lab.listing() if host.name == GOOD)
    banned = lab.execute(host, f"fail2ban-client banned {lab.attacker().address4}")

    # Both passed: there is no reason why not, nor why it could not be observed.
    assert {"OUT-11": "", "OUT-12": ""} == {
        control: reasons[control] for control in ("OUT-11", "OUT-12")
    }
    assert "[[]]" == banned.strip()


def test_own_address_is_never_banned(bench: Bench) -> None:
    """However often one checks, the refused logins of ours lead to no ban of us."""
    for _ in range(2):
        bench.keepgate("verify", "--limit", GOOD, "--only", "outside")
    (host,) = (host for host in lab.listing() if host.name == GOOD)
    bridge = host.address4.rpartition(".")[0] + ".1"

    assert "[[]]" == lab.execute(host, f"fail2ban-client banned {bridge}").strip()
    assert 0 == bench.keepgate("verify", "--limit", GOOD, "--only", "accounts").status


def test_host_that_does_not_answer(bench: Bench) -> None:
    """A host that cannot be reached ends the command with 4 and says what to do."""
    ended = bench.keepgate("verify", "--limit", NOBODY)

    assert 4 == ended.status
    assert "cannot be reached" in ended.out
    assert "check `address`, and that the host is up" in ended.out


@pytest.mark.parametrize("batch", sorted(faults.BATCHES))
def test_faults_are_found(batch: str, bench: Bench, tmp_path: Path) -> None:
    """Each fault made on a hardened host makes the controls fail that it breaks."""
    assert bench
    chosen = faults.BATCHES[batch]
    script = "\n".join(f"(\n{fault.script}\n)" for fault in chosen)
    found = broken(script, f"ver-{batch}", tmp_path, (faults.NETWORK,))
    expected = {control for fault in chosen for control in fault.controls}

    expected |= set(faults.SETTINGS)

    assert set() == expected - {finding.id for finding in found.failures}


def test_every_control_can_fail(stock: Ended, tmp_path: Path) -> None:
    """Each control fails on a stock host or by one of the faults: none always holds."""
    known = {
        control
        for batch in faults.BATCHES.values()
        for fault in batch
        for control in fault.controls
    }

    shown = _failed(stock.document) | known | set(faults.SETTINGS)
    shown |= OF_SITES | set(OF_THE_AGENT) | set(OF_BANS_AT_SITES)
    assert set() == _catalogue(tmp_path) - shown
