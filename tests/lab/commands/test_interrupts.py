"""Runs that end early: by Ctrl-C, by SIGTERM, by SIGKILL; and two at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from tests.lab.commands.conftest import (
    booted,
    gets_in,
    keepgate,
    start,
    write_inventory,
)
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("interrupts")]

TIMEOUT = 15
_LEFT = (
    "find /var/lib/keepgate/commit -mindepth 1 -maxdepth 1 -name armed -o -name rolling"
    " 2>/dev/null; systemctl list-units --all --plain --no-legend 'keepgate-rollback*'"
    " 'keepgate-switch*'"
)


@pytest.fixture
def stock() -> Iterator[LabHost]:
    """A stock host."""
    with booted(prefix="int") as (host,):
        yield host


@pytest.fixture
def inventory(stock: LabHost, tmp_path: Path) -> Path:
    """An inventory of that host, whose timer fires soon."""
    path = tmp_path / f"{stock.name}.yml"
    return write_inventory(path, [stock], confirm={"timeout": TIMEOUT})


def settled(host: LabHost) -> bool:
    """Whether nothing is armed or being undone on *host*."""
    return not lab.execute(host, _LEFT, check=False).strip()


def assert_usable(host: LabHost, path: Path) -> None:
    """Fail unless the host is whole: one configuration, the operator gets in."""
    eventually(lambda: settled(host), "nothing armed", seconds=TIMEOUT + 30)
    eventually(lambda: gets_in(host) or gets_in(host, host.login), "somebody gets in")
    done = keepgate("apply", path, "--json", "--only", "accounts", "ssh")
    assert 0 == done.code, done.out
    assert gets_in(host)


def children(pid: int) -> list[int]:
    """Return the processes below *pid*, at any depth."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue  # it has ended meanwhile
        parent = int(text.rpartition(")")[2].split()[1])
        parents.setdefault(parent, []).append(int(entry.parent.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def alive(pid: int) -> bool:
    """Whether process *pid* runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("which", "moment"),
    [
        (signal.SIGINT, "connect"),
        (signal.SIGINT, "accounts"),
        (signal.SIGTERM, "ssh"),
    ],
)
def test_interrupted_run_leaves_a_whole_host(
    stock: LabHost, inventory: Path, which: signal.Signals, moment: str
) -> None:
    """After Ctrl-C the exit status is 130, and the host is as before or as wanted."""
    words = ("apply", inventory, "--only", "accounts", "ssh")
    with start(*words) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[1:] == [moment]:
                break
        process.send_signal(which)
        out, err = process.communicate(timeout=60)

    assert 130 == process.returncode, out + err
    assert "Traceback" not in out + err
    assert "interrupted" in out
    assert_usable(stock, inventory)


def test_interrupt_while_packages_are_installed(
    stock: LabHost, inventory: Path
) -> None:
    """What dpkg has begun it ends without us; the next run goes on from there."""
    words = ("apply", inventory, "--only", "firewall")
    with start(*words) as process:
        eventually(lambda: _installing(stock), "packages are being installed")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert 130 == process.returncode, out + err
    assert "Traceback" not in out + err
    eventually(lambda: not _installing(stock), "they are installed", seconds=200)
    assert "" == lab.execute(stock, "dpkg --audit; ls /usr/sbin/policy-rc.d 2>&-; true")
    assert_usable(stock, inventory)
    done = keepgate(*words, "--json")
    assert (0, "changed") == (done.code, done.only["status"]), done.out
    assert gets_in(stock)


def _installing(host: LabHost) -> bool:
    state = "systemctl show -P ActiveState keepgate-packages.service"
    return "inactive" != lab.execute(host, state).strip()


def test_interrupt_while_starting_is_quiet(inventory: Path) -> None:
    """Ctrl-C before anything has begun ends the program at once, with a word."""
    with start("plan", inventory, "--json") as process:
        eventually(lambda: children(process.pid), "the engine starts", seconds=20)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    # A shell shows 130 for either: Python ends itself by the signal, whatever was
    # caught, if that came while an import had Python text run (a dataclass, say).
    assert process.returncode in {130, -signal.SIGINT}, out + err
    assert "Traceback" not in out + err


def test_killed_parent_takes_its_workers_along(stock: LabHost, inventory: Path) -> None:
    """After SIGKILL no process of ours goes on, and the host undoes by itself."""
    with start("apply", inventory, "--only", "accounts", "ssh") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[1:] == ["accounts"]:
                break
        below = children(process.pid)
        process.kill()
        process.communicate(timeout=30)

    assert below
    eventually(lambda: not any(alive(pid) for pid in below), "workers end", seconds=30)
    assert_usable(stock, inventory)


def test_killed_worker_is_told(stock: LabHost, inventory: Path) -> None:
    """A worker that dies fails its host with a word, and nothing else."""
    with start("apply", inventory, "--json", "--only", "accounts") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[1:] == ["connect"]:
                break
        (worker,) = children(children(process.pid)[0])
        os.kill(worker, signal.SIGKILL)
        out, err = process.communicate(timeout=60)

    assert 1 == process.returncode, out + err
    assert "was killed by SIGKILL" in out
    assert_usable(stock, inventory)


def test_two_runs_at_once(stock: LabHost, inventory: Path, tmp_path: Path) -> None:
    """Of two runs on one host each ends well or is refused; the host is as wanted."""
    confirm = {"timeout": TIMEOUT}
    other = write_inventory(tmp_path / "other.yml", [stock], confirm=confirm)
    words = ("--json", "--only", "accounts", "ssh")

    with start("apply", inventory, *words) as one, start("apply", other, *words) as two:
        ends = [process.communicate(timeout=120) for process in (one, two)]

    codes = [one.returncode, two.returncode]
    assert 0 in codes, ends
    assert all(code in (0, 1, 3) for code in codes), ends
    assert_usable(stock, inventory)
