"""A report with one host, made of findings that a test names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from keepgate.report import Finding, HostReport, Report, Snapshot, Waiver

WHEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
Make = Callable[..., Report]


def finding(**changed: object) -> Finding:
    """Return a finding that holds, with what is *changed*."""
    plain = {
        "id": "SSH-01",
        "topic": "ssh",
        "title": "Root cannot log in",
        "severity": "high",
        "refs": ("CIS 1",),
        "outcome": "passed",
        "observed": ("permitrootlogin no",),
        "reason": "",
        "remedy": "`keepgate apply INVENTORY --only ssh`",
        "seconds": 0.1,
    }
    return Finding.model_validate({**plain, **changed})


def snapshot(*findings: Finding, **facts: str) -> Snapshot:
    """Return what was found on a host."""
    return Snapshot(
        taken=WHEN,
        login="keeper",
        facts=facts,
        seconds=1.0,
        findings=findings,
        waivers=(Waiver(item="CIS 2", asks="a", we="b", reason="c"),),
    )


def report(
    *findings: Finding, name: str = "web1", before: Snapshot | None = None
) -> Report:
    """Return a report of one host with *findings*."""
    host = HostReport(
        name=name,
        address="192.0.2.1",
        port=22,
        before=before,
        after=snapshot(*findings),
    )
    return Report(keepgate="1", inventory="a.yml", taken=WHEN, seconds=2, hosts=(host,))


@pytest.fixture
def unreachable() -> Report:
    """A report of a host that could not be reached."""
    host = HostReport(
        name="web1",
        address="192.0.2.1",
        port=22,
        before=None,
        after=None,
        error="no answer",
        fix="check the network",
        reachable=False,
    )
    return Report(keepgate="1", inventory="a.yml", taken=WHEN, seconds=2, hosts=(host,))
