"""Running a command and looking at what it took: seconds, CPU, memory, what it said."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

INTERVAL: Final = 0.05
"""Seconds between two looks at the memory."""

_UNWRITTEN: Final = "PYTHONDONTWRITEBYTECODE"
_PREFIX: Final = "PYTHONPYCACHEPREFIX"


@dataclass
class Memory:
    """The most memory seen, as proportional set size (proc(5), smaps_rollup).

    *parent* is the command's own process, *total* that of all its processes at
    one moment, when there were *processes* of them; both in MB.
    """

    parent: float = 0.0
    total: float = 0.0
    processes: int = 0


@dataclass(frozen=True)
class Run:
    """One run of a command; *document* is what it printed as JSON.

    *cpu* is the CPU time of the command and its processes in seconds; what happens
    on the host is not in it.
    """

    seconds: float
    cpu: float
    status: int
    document: dict[str, Any]
    memory: Memory = field(default_factory=Memory)

    @property
    def hosts(self) -> list[dict[str, Any]]:
        """The part of the document about each host."""
        found: list[dict[str, Any]] = self.document["hosts"]
        return found

    @property
    def phases(self) -> list[dict[str, Any]]:
        """All phases of all hosts; empty if the command tells none."""
        return [phase for host in self.hosts for phase in host.get("phases", ())]

    def sum(self, what: str) -> int:
        """Return the total of a phase's figure over all phases of all hosts."""
        return sum(phase[what] for phase in self.phases)


def run(*command: str, watched: bool = False, bytecode: bool = True) -> Run:
    """Run *command*, which prints a JSON document.

    *watched* looks at its memory all the time, which slows it down. With *bytecode*,
    Python keeps what it has compiled, as it does for everybody who has not told it
    otherwise; without, it compiles every module at every start.

    Raises:
        RuntimeError: it printed no document.
    """
    memory, ended = Memory(), threading.Event()
    before, began = _cpu(), time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(bytecode=bytecode),
    )
    watcher = threading.Thread(target=_watch, args=(process.pid, memory, ended))
    if watched:
        watcher.start()
    try:
        said, complaints = process.communicate()
    finally:
        ended.set()
        if watched:
            watcher.join()
    seconds, cpu = time.monotonic() - began, _cpu() - before
    try:
        document = json.loads(said)
    except ValueError as error:
        message = f"{' '.join(command)} printed no JSON: {complaints[-500:]}"
        raise RuntimeError(message) from error
    return Run(seconds, cpu, process.returncode, document, memory)


def _environment(*, bytecode: bool) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if k not in (_UNWRITTEN, _PREFIX)}
    if bytecode:
        return own
    return {**own, _UNWRITTEN: "1", _PREFIX: f"{os.devnull}/nowhere"}


def _cpu() -> float:
    """Return the CPU time of all processes that were waited for, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(pid: int, memory: Memory, ended: threading.Event) -> None:
    while not ended.wait(INTERVAL):
        sizes = {each: size(each) for each in family(pid)}
        memory.parent = max(memory.parent, sizes.get(pid, 0.0))
        if sum(sizes.values()) > memory.total:
            memory.total = sum(sizes.values())
            memory.processes = sum(1 for each in sizes.values() if each)


def family(pid: int) -> list[int]:
    """Return *pid* and everything that descends from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    family = [pid]
    for each in family:
        family += [child for child, parent in parents.items() if parent == each]
    return family


def size(pid: int) -> float:
    """Return the proportional set size of one process in MB, 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1000
    return 0.0
