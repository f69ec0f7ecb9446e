"""Hosts that tests of several rooms share."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from tests.lab.commands.conftest import keepgate, write_inventory
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost
    from tests.lab.commands.conftest import Outcome

VM = "vm"
SITE, LOGIN = "app.kg.test", "auth.kg.test"
"""Names of the virtual machine's one site, which is behind login, and of that."""

SLOW = 1800.0
"""Seconds for one command on an emulated processor that tests share."""

_SOONER = -5
"""Three times the share of a processor (sched(7), the nice value)."""

_POWER_CUT = "echo b > /proc/sysrq-trigger"
"""Starts anew at once: nothing is written back, nothing unmounted (proc(5))."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the virtual machine first: it takes longest, and shares its tests with none.

    Then the groups of hosts with most tests, as pytest-xdist would have them, which
    counts these few last (`--no-loadscope-reorder` keeps it from that).
    """
    size = Counter(_group(item) for item in items)
    items.sort(key=lambda item: ("qemu" not in item.keywords, -size[_group(item)]))


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else item.nodeid.partition("::")[0]


@dataclass(frozen=True)
class Machine:
    """The hardened virtual machine, and how the run that hardened it ended."""

    host: LabHost
    inventory: Path
    applied: Outcome

    def keepgate(self, command: str, *words: str) -> Outcome:
        """Run a command of Keepgate on it."""
        return keepgate(command, self.inventory, "--json", *words, seconds=SLOW)

    def restart(self, *, power_cut: bool = False) -> None:
        """Have the kernel start anew, in good order or not; return when SSH answers.

        QEMU goes on, so that the machine stays the same for the lab.
        """
        before = self._boot()
        how = _POWER_CUT if power_cut else "systemctl reboot"
        # Later, since a command that ends the machine has no answer.
        lab.execute(self.host, f"(sleep 1; {how}) >/dev/null 2>&1 &")
        eventually(
            lambda: self._boot() not in ("", before), "it has booted", seconds=SLOW
        )
        lab.wait_for_ssh([self.host])

    def _boot(self) -> str:
        """Return what names this boot; nothing while the machine does not answer."""
        text = "cat /proc/sys/kernel/random/boot_id"
        try:
            return lab.execute(self.host, text, timeout=5)
        except lab.LabError:
            return ""


@pytest.fixture(scope="session")
def vm() -> Iterator[LabHost]:
    """The one virtual machine of a test run, stock until a test hardens it.

    Tests that use it carry the marks `qemu` and `xdist_group("qemu")`, so that one
    worker has them all; what they change they change for those that follow. Its first
    account stays when it is hardened: no test may depend on which came before.
    """
    lab.down([host.name for host in lab.listing() if host.name == VM])
    (host,) = lab.up([VM], backend="qemu")
    # It computes for long what others mostly wait for: let them wait for it.
    with suppress(PermissionError):  # root of a container may not
        for task in Path(f"/proc/{host.pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), _SOONER)
    yield host
    lab.down([VM])


@pytest.fixture(scope="session")
def machine(vm: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The virtual machine with every topic applied, and a site behind login."""
    inventory = write_inventory(
        tmp_path_factory.mktemp("vm") / f"{VM}.yml",
        [vm],
        accounts={"adopt": [vm.login]},
        confirm={"timeout": 900},
        sites=[{"host": SITE, "upstream": "/srv", "tls": "internal"}],
        caddy={"login": {"host": LOGIN, "tls": "internal"}},
    )
    done = keepgate("apply", inventory, "--json", seconds=SLOW)
    if done.code:
        pytest.fail(f"the virtual machine was not hardened: {done.out}\n{done.err}")
    return Machine(vm, inventory, done)
