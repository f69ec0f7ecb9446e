"""All topics on a kernel of the host's own: applied, and there after a restart."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

import pytest

from deploys.caddy import places
from deploys.topics import NAMES
from keepgate import lab
from tests.lab.commands.conftest import keepgate
from tests.lab.conftest import LOGIN, SITE, SLOW
from tests.unit.caddy.client import Visitor

if TYPE_CHECKING:
    from tests.lab.conftest import Machine

pytestmark = [
    pytest.mark.lab,
    pytest.mark.qemu,
    pytest.mark.xdist_group("qemu"),
    pytest.mark.timeout(2 * SLOW),  # one that comes first boots and hardens, too
]

KERNEL = re.compile(r"kernel|container(?! engine)|virtual machine")
"""What a control's reason speaks of when only the kernel keeps it from being seen."""

BROWSER = ("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")
RESTART = "UPD-17"
"""The control that no restart is pending: a container has no kernel to wait for."""


def test_second_apply_changes_nothing(machine: Machine) -> None:
    """Every topic made changes; a second run finds all as it should be."""
    done = machine.keepgate("apply")

    made = [plan["topic"] for plan in machine.applied.only["plans"] if plan["diffs"]]
    assert list(NAMES) == made
    assert (0, "ok", 0) == (done.code, done.only["status"], done.only["changes"])


@pytest.fixture(scope="module")
def restarted(machine: Machine) -> str:
    """The machine, restarted; what systemd says of how it is."""
    machine.restart()
    command = "systemctl is-system-running --wait"
    return lab.execute(machine.host, command, check=False)


def test_every_control_holds_after_a_restart(machine: Machine, restarted: str) -> None:
    """All that a kernel of its own lets us observe is observed, and holds.

    Nothing may say here that it needs more than a container: such controls count as
    not observed on the container hosts, and are proved on this one.
    """
    done = machine.keepgate("verify")

    findings = done.only["after"]["findings"]
    assert {} == {f["id"]: f["reason"] for f in findings if f["outcome"] == "failed"}
    assert 0 == done.code, done.err
    unseen = {f["id"]: f["reason"] for f in findings if f["outcome"] == "not_observed"}
    assert {} == {at: why for at, why in unseen.items() if KERNEL.search(why)}
    assert RESTART in {f["id"] for f in findings if f["outcome"] == "passed"}
    assert "qemu" == done.only["after"]["facts"]["runs on"]
    assert "running\n" == restarted


def test_the_site_is_behind_login_after_a_restart(
    machine: Machine, restarted: str
) -> None:
    """Over TLS, as before: who is nobody is sent to the login pages, which answer."""
    assert restarted
    context = ssl.create_default_context(
        cadata=lab.execute(machine.host, f"cat {places.ROOT}")
    )
    sent = Visitor(machine.host.address4, 443, context, seen_as="")
    asked = sent.get(SITE, "/x", *BROWSER)
    pages = sent.get(LOGIN, "/login", *BROWSER)
    told = keepgate("agent", "status", machine.inventory, "--json", seconds=SLOW)

    assert 302 == asked.status, asked
    assert 200 == pages.status, pages
    assert [SITE] == told.only["result"]["sites"], told.out
