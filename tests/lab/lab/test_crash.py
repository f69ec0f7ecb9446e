"""`lab down --all` leaves nothing behind, whatever was killed before."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from keepgate.lab import site as sites
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from keepgate.lab import LabHost
    from tests.lab.lab.conftest import OwnLab

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab-crash")]

_AT_ONCE = 0.005  # what is waited for is over in a moment


@pytest.mark.parametrize("moment", ["listed", "mounted", "booting", "made"])
def test_nothing_is_left_of_a_run_that_was_killed(
    own_lab: OwnLab, stock: LabHost, moment: str
) -> None:
    """`lab up` dies at that moment; hosts of another lab live on."""
    folder = own_lab.home / "lab/hosts"
    reached = {
        "listed": (folder / "a.json").exists,
        "mounted": own_lab.mounts,
        "booting": lambda: own_lab.processes("systemd-nspawn"),
        "made": (folder / "a/made").exists,
    }[moment]
    process = own_lab.command("up", "a", "b")
    eventually(reached, moment, pause=_AT_ONCE)
    process.kill()
    process.communicate()

    own_lab.run("down", "--all")

    # What the killed run had just called ends by itself.
    eventually(lambda: own_lab.leftovers() == {}, "nothing is left")
    lab.wait_for_ssh([stock], 5)


def test_nothing_is_left_of_a_container_that_was_killed(own_lab: OwnLab) -> None:
    """Its nspawn dies; links, groups and mounts are cleared all the same."""
    own_lab.run("up", "a", "--disk", "32M")
    for pid in own_lab.processes("systemd-nspawn"):
        os.kill(pid, signal.SIGKILL)

    own_lab.run("down", "--all")

    assert own_lab.leftovers() == {}


def test_a_killed_run_is_carried_on(own_lab: OwnLab) -> None:
    """The next `lab up` of the same name has a host that answers."""
    process = own_lab.command("up", "a")
    eventually(own_lab.mounts, "something is mounted", pause=_AT_ONCE)
    process.kill()
    process.communicate()

    own_lab.run("up", "a")


def test_an_empty_lab_is_taken_down_twice(own_lab: OwnLab) -> None:
    """There being nothing is fine."""
    own_lab.run("up", "a")
    own_lab.run("down", "--all")
    own_lab.run("down", "--all")

    assert own_lab.leftovers() == {}


def test_a_lab_of_the_same_number_is_left_alone(
    own_lab: OwnLab, stock: LabHost
) -> None:
    """Two clones of a project meet on one machine: the second is told, and harmless."""
    number = str(sites.current().number)
    (own_lab.home / "lab/number").write_text(number)
    process = own_lab.command("up", "a")
    _, said = process.communicate(timeout=120)
    own_lab.run("down", "--all")

    assert process.returncode == 2
    assert b"another lab" in said
    assert stock.running
    lab.wait_for_ssh([stock], 5)
