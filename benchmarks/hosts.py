"""What is measured on throwaway hosts: each command on one, `apply` on many."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING, Final

from benchmarks import measured
from benchmarks.host_figures import say
from keepgate import lab
from keepgate.inventory.home import home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.host_figures import Figures

ONE: Final = "bench"
FLEET: Final = "bench-fleet"
"""How the benchmark's own hosts are called, these with numbers; there may be others."""

DEMO: Final = "demo"
_TRIES: Final = 4


class Hosts:
    """Measures commands on the benchmark's own hosts, *runs* times each."""

    def __init__(self, figures: Figures, runs: int) -> None:
        self._figures = figures
        self._runs = runs

    def one(self) -> measured.Run:
        """Measure every command on one host; return a watched `apply` of it."""
        figures = self._figures
        lab.up([ONE])  # makes the image if there is none
        lab.down([ONE])
        began = time.monotonic()
        lab.up([ONE])
        figures.timed("lab up, 1 host", time.monotonic() - began)
        self._take("verify, stock host", "verify", runs=1)
        self._take("plan, stock host", "plan", runs=1)
        self._take("apply, first", "apply", runs=1)
        self._take("apply, nothing to change", "apply")
        self._take("apply again, no byte code", "apply", bytecode=False)
        self._take("plan, nothing to change", "plan")
        self._take("verify, hardened host", "verify")
        return self._keepgate("apply", watched=True)

    def demo(self) -> None:
        """Measure the demo, if there is no host that it would replace."""
        if any(host.name == DEMO for host in lab.listing()):
            return
        words = (sys.executable, "-m", "keepgate", "demo", "--json")
        done = measured.run(*words)
        if done.status:
            raise RuntimeError(_trouble("demo", done))
        self._figures.timed("demo, prepared machine", done.seconds)

    def fleet(self, count: int) -> measured.Run:
        """Measure `apply` on *count* hosts; return a watched one."""
        words = (sys.executable, "-m", "keepgate", "lab", "up", FLEET, "--json")
        up = measured.run(*words, "--count", str(count))
        if up.status:
            raise RuntimeError(_trouble("lab up", up))
        self._figures.timed("lab up, fleet", up.seconds)
        everything = [pid for host in _own() for pid in measured.family(host.pid)]
        used = sum(map(measured.size, everything))
        told = f"{used * 1000 / 2**20:.2f} GiB (PSS) of {len(everything)} processes"
        self._figures.other(f"memory of {count} hosts", told)
        self._harden_fleet()
        batch = ("--batch", str(count))
        self._take("apply, fleet, nothing to change", "apply", *batch)
        return self._keepgate("apply", *batch, watched=True)

    def _harden_fleet(self) -> None:
        """Apply for the first time; again where a busy host was rolled back."""
        what = "apply, fleet, first"
        for _ in range(_TRIES):
            began = _hosts_cpu()
            try:
                run = self._keepgate("apply")
            except RuntimeError as error:
                say(f"{what}: {error}")
            else:
                self._figures.runs(what, [run], _hosts_cpu() - began)
                return
            what = "apply, fleet, once more"
        message = f"the fleet is not hardened after {_TRIES} runs of `apply`"
        raise RuntimeError(message)

    def _take(
        self,
        what: str,
        command: str,
        *more: str,
        runs: int | None = None,
        bytecode: bool = True,
    ) -> None:
        before = _hosts_cpu()
        done = [
            self._keepgate(command, *more, bytecode=bytecode)
            for _ in range(runs or self._runs)
        ]
        if command == "apply" and runs is None:
            changes = sum(host["changes"] for run in done for host in run.hosts)
            if changes:
                message = f"{what}: made {changes} changes"
                raise RuntimeError(message)
        self._figures.runs(what, done, (_hosts_cpu() - before) / len(done))

    def _keepgate(
        self, command: str, *more: str, watched: bool = False, bytecode: bool = True
    ) -> measured.Run:
        inventory = str(home() / "lab" / "inventory.yml")
        words = (sys.executable, "-m", "keepgate", command, inventory, "--json", *more)
        mine = ("--limit", *(host.name for host in _own()))
        done = measured.run(*words, *mine, watched=watched, bytecode=bytecode)
        # `verify` ends with 1 on a host that is not hardened yet.
        if done.status and (command, done.status) != ("verify", 1):
            raise RuntimeError(_trouble(command, done))
        return done


def memory(
    figures: Figures, one: measured.Run | None, fleet: measured.Run | None
) -> None:
    """Take the memory of the command on the controller's side."""
    for what, run in (("1 host", one), ("the fleet", fleet)):
        if run is not None:
            figures.other("memory of the parent", f"{run.memory.parent:.0f} MB, {what}")
            total = f"{run.memory.total:.0f} MB in {run.memory.processes} processes"
            figures.other("memory of all processes", f"{total}, {what}")
    if one and fleet and fleet.memory.processes > one.memory.processes:
        more = fleet.memory.processes - one.memory.processes
        each = (fleet.memory.total - one.memory.total) / more
        figures.other("memory per further host", f"{each:.1f} MB (PSS)")


def tidy() -> None:
    """Take down what is ours."""
    lab.down([host.name for host in _own()])


def _own() -> Sequence[lab.LabHost]:
    ours = re.compile(rf"{ONE}|{FLEET}-\d+")
    return [host for host in lab.listing() if ours.fullmatch(host.name)]


def _trouble(command: str, run: measured.Run) -> str:
    """Return in a few lines how a command ended that should have ended well."""
    keys = ("host", "status", "message", "fix")
    told = [
        " ".join(str(host.get(key, "")) for key in keys)
        for host in run.document.get("hosts", ())
    ]
    error = run.document.get("error", "")
    return "\n  ".join([f"`{command}` ended with {run.status} {error}", *told])


def _hosts_cpu() -> float:
    """Return what our hosts have computed since they began, in seconds."""
    total = 0
    for host in _own():
        said = lab.execute(host, "cat /sys/fs/cgroup/cpu.stat")
        values = dict(line.split() for line in said.splitlines())
        total += int(values["usage_usec"])
    return total / 1_000_000
