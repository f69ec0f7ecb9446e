"""A virtual machine: as a container host, with a kernel of its own."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from keepgate.lab import LabHost
    from tests.lab.lab.conftest import LogIn, OwnLab

pytestmark = [pytest.mark.lab, pytest.mark.qemu, pytest.mark.xdist_group("qemu")]


@pytest.mark.parametrize("family", ["address4", "address6"])
def test_it_is_reached_like_any_host(vm: LabHost, family: str, log_in: LogIn) -> None:
    """Its keys are pinned for both families."""
    assert log_in(vm, "sudo -n true", address=getattr(vm, family)) == 0


def test_its_kernel_is_its_own(vm: LabHost) -> None:
    """A setting that containers may not touch is set, and this machine's is not."""
    key = "kernel/kptr_restrict"
    before = lab.execute(vm, f"cat /proc/sys/{key}")
    lab.execute(vm, f"echo 2 > /proc/sys/{key}")
    after = lab.execute(vm, f"cat /proc/sys/{key}")
    lab.execute(vm, f"echo {before.strip()} > /proc/sys/{key}")

    assert after == "2\n"


def test_its_clock_is_its_own(vm: LabHost) -> None:
    """It is moved there, and only there."""
    ahead = int(time.time()) + 7200
    # No further than that: every timer of the calendar that is passed goes off.
    lab.execute(vm, f"date -s @{ahead}")
    there = int(lab.execute(vm, "date +%s"))
    lab.execute(vm, f"date -s @{int(time.time())}")

    assert there >= ahead
    assert time.time() < ahead


def test_it_is_commanded_without_its_network(vm: LabHost) -> None:
    """Cut off, it still runs what root is to run."""
    lab.cut(vm)
    try:
        assert lab.execute(vm, "id -u; hostname") == f"0\n{vm.name}\n"
    finally:
        lab.mend(vm)


def test_nothing_is_left_of_a_machine_that_was_killed(
    vm: LabHost, own_lab: OwnLab
) -> None:
    """QEMU dies, and `lab up` with it; the other machine lives on."""
    process = own_lab.command("up", "v", "--backend", "qemu")
    eventually(lambda: own_lab.processes("tap,id=net"), "QEMU runs", pause=0.005)
    process.kill()
    process.communicate()
    for pid in own_lab.processes("tap,id=net"):
        os.kill(pid, signal.SIGKILL)

    own_lab.run("down", "--all")

    assert own_lab.leftovers() == {}
    assert vm.running
