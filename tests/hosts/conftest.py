"""Fixtures and options of the checks of a hardened host.

    pytest tests/hosts --hosts=ssh://NAME --ssh-config=FILE

judges a host by the defaults; `--keepgate-settings=FILE` says what it shall be
instead, `--keepgate-results=FILE` writes the findings as JSON. `keepgate verify`
does nothing else. The ssh configuration should name a ControlPath: testinfra
then shares one connection.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostchecks import link
from hostchecks.outside import Outside
from hostchecks.results import (
    TOPICS,
    Control,
    Finding,
    Outcome,
    Seen,
    explain,
    reason_of,
)
from hostchecks.visit import Visit
from hostchecks.waivers import WAIVERS
from hostchecks.wanted import Wanted, read

if TYPE_CHECKING:
    from collections.abc import Generator

    from hostchecks.accounts import Accounts
    from hostchecks.apt import Apt
    from hostchecks.bans import Bans
    from hostchecks.batch import Section
    from hostchecks.nft import Firewall
    from hostchecks.sshd import Sshd
    from testinfra.host import Host

_CONTROL = pytest.StashKey[Control]()
_SEEN = pytest.StashKey[Seen]()
_VISITS = pytest.StashKey[dict[str, Visit]]()
_OUTSIDES = pytest.StashKey[dict[str, Outside]]()
_FINDINGS = pytest.StashKey[list[Finding]]()
_STARTED = pytest.StashKey[float]()
_SECONDS = pytest.StashKey[dict[str, float]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the checks."""
    group = parser.getgroup("keepgate", "checks of a hardened host")
    group.addoption("--keepgate-settings", help="JSON file: what the host shall be")
    group.addoption("--keepgate-topics", default="", help="only these topics (a,b,…)")
    group.addoption("--keepgate-slow", action="store_true", help="slow checks, too")
    group.addoption("--keepgate-results", help="write the findings to this JSON file")
    group.addoption("--keepgate-catalogue", help="write all controls to this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what a run remembers."""
    config.stash[_VISITS] = {}
    config.stash[_OUTSIDES] = {}
    config.stash[_FINDINGS] = []
    config.stash[_STARTED] = time.monotonic()
    config.stash[_SECONDS] = {}


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Read every check's control, and put the checks in the order of the topics.

    The outside checks come last: what they ask for is under way meanwhile.
    """
    for item in items:
        item.stash[_CONTROL] = Control.of(item)
    out = [item for item in items if not _asked_for(config, item.stash[_CONTROL])]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]
    order = list(TOPICS.values())
    items.sort(key=lambda item: order.index(item.stash[_CONTROL].topic))
    if path := config.getoption("--keepgate-catalogue"):
        controls = [
            {
                **asdict(control),
                "topic": control.topic,
                "remedy": control.advice,
                "claim": _claim(item),
            }
            for item in items
            for control in [item.stash[_CONTROL]]
        ]
        waivers = [asdict(waiver) for waiver in WAIVERS]
        document = {"controls": controls, "waivers": waivers}
        Path(path).write_text(json.dumps(document), encoding="utf-8")


def _asked_for(config: pytest.Config, control: Control) -> bool:
    """Whether *control* is to be looked at, or listed."""
    topics = set(filter(None, config.getoption("--keepgate-topics").split(",")))
    slow = config.getoption("--keepgate-slow") or config.getoption(
        "--keepgate-catalogue"
    )
    return (not topics or control.topic in topics) and bool(slow or not control.slow)


def _claim(item: pytest.Item) -> str:
    """Return the check's docstring as one line."""
    return " ".join((getattr(item, "obj", None).__doc__ or "").split())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn each check's end into a finding."""
    report = yield
    if report.when == "call" or not report.passed:
        outcome: Outcome = "passed" if report.passed else "failed"
        outcome = "not_observed" if report.skipped else outcome
        control = item.stash[_CONTROL]
        seen = item.stash.get(_SEEN, Seen())
        finding = Finding(
            id=control.id,
            topic=control.topic,
            title=control.title,
            severity=control.severity,
            refs=control.refs,
            outcome=outcome,
            observed=tuple(seen.items),
            reason=reason_of(call),
            remedy=control.advice,
            seconds=round(call.duration, 4),
        )
        item.config.stash[_FINDINGS].append(finding)
    return report


def pytest_report_teststatus(
    report: pytest.TestReport | pytest.CollectReport,
) -> tuple[str, str, str] | None:
    """Call a check that could not be observed what it is."""
    if report.skipped and getattr(report, "when", "") in ("setup", "call"):
        return "not observed", "n", "NOT OBSERVED"
    return None


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str]:
    """Say in a report's words why a comparison does not hold."""
    return [explain(op, left, right)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the findings."""
    config = session.config
    for outside in config.stash[_OUTSIDES].values():
        outside.close()
        config.stash[_SECONDS] |= outside.seconds
    path = config.getoption("--keepgate-results")
    if path and not config.option.collectonly:
        visits = list(config.stash[_VISITS].values())
        document = {
            "version": 1,
            "facts": visits[0].facts if visits else {},
            "seconds": round(time.monotonic() - config.stash[_STARTED], 2),
            "timings": config.stash[_SECONDS],
            "findings": [asdict(finding) for finding in config.stash[_FINDINGS]],
            "waivers": [asdict(waiver) for waiver in WAIVERS],
        }
        text = json.dumps(document, ensure_ascii=False, indent=1)
        Path(path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def wanted(request: pytest.FixtureRequest) -> Wanted:
    """What the host shall be."""
    return read(request.config.getoption("--keepgate-settings"))


@pytest.fixture(scope="module")
def visit(host: Host, wanted: Wanted, request: pytest.FixtureRequest) -> Visit:
    """What was observed inside the host; the outside probes are under way too."""
    config = request.config
    name = host.backend.get_pytest_id()
    visits = config.stash[_VISITS]
    if name in visits:
        return visits[name]

    def run(command: str) -> str:
        done = host.run(command)
        if done.rc != 0:
            pytest.fail(f"the host could not be asked: {done.stderr.strip()[:300]}")
        return str(done.stdout)

    started = time.monotonic()
    run("true")  # opens the shared connection before any probe begins
    probes: Outside | None = None
    if _outside_wanted(request):
        way = link.resolve(
            host.backend.get_hostname(), config.getoption("--ssh-config")
        )
        probes = config.stash[_OUTSIDES][name] = Outside(way, wanted)
    found = visits[name] = Visit(run)
    config.stash[_SECONDS]["inside"] = round(time.monotonic() - started, 2)
    if probes is not None:
        probes.inside(found)
    return found


def _outside_wanted(request: pytest.FixtureRequest) -> bool:
    return any(
        item.stash[_CONTROL].topic == "outside" for item in request.session.items
    )


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Seen:
    """Records what the check observes."""
    recorder = request.node.stash[_SEEN] = Seen()
    return recorder


@pytest.fixture
def outside(visit: Visit, host: Host, request: pytest.FixtureRequest) -> Outside:
    """What the host shows to the network."""
    assert visit
    return request.config.stash[_OUTSIDES][host.backend.get_pytest_id()]


@pytest.fixture
def answers(visit: Visit) -> dict[str, Section]:
    """The sections that the host answered, by name."""
    return visit.answers


@pytest.fixture
def sshd(visit: Visit) -> Sshd:
    """The SSH server's effective configuration."""
    return visit.sshd


@pytest.fixture
def accounts(visit: Visit) -> Accounts:
    """Accounts, groups, keys and sudo rights."""
    return visit.accounts


@pytest.fixture
def firewall(visit: Visit) -> Firewall:
    """The packet filter in force."""
    if visit.firewall is None:
        pytest.fail("there is no nftables on the host: nothing filters packets")
    return visit.firewall


@pytest.fixture
def bans(visit: Visit) -> Bans:
    """The running fail2ban."""
    if visit.bans is None:
        pytest.fail("no fail2ban is running")
    return visit.bans


@pytest.fixture
def apt(visit: Visit) -> Apt:
    """Apt's effective configuration."""
    return visit.apt


@pytest.fixture
def units(visit: Visit) -> dict[str, dict[str, str]]:
    """Properties of the units that matter, by unit."""
    return visit.units
