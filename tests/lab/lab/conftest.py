"""Hosts for the tests of the lab itself, and a look at what a lab leaves behind."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from keepgate import lab
from keepgate.lab import site as sites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost


@pytest.fixture
def name() -> Iterator[str]:
    """Return a name for a host; the host is gone afterwards."""
    chosen = f"lab-{secrets.token_hex(3)}"
    yield chosen
    lab.down([host.name for host in lab.listing() if host.name == chosen])


@pytest.fixture(scope="module")
def stock() -> Iterator[LabHost]:
    """Return a stock host for tests that leave it as they found it."""
    (host,) = lab.up([f"lab-{secrets.token_hex(3)}"])
    yield host
    lab.down([host.name])


class LogIn(Protocol):
    """Runs a command on a host over SSH, as the lab's key is admitted."""

    def __call__(
        self, host: LabHost, command: str, *, address: str = "", login: str = ""
    ) -> int:
        """Return how it ends; the host's keys must be the pinned ones."""


@pytest.fixture
def log_in() -> LogIn:
    """Return how to log in to a host with a strict client."""
    return _log_in


def _log_in(host: LabHost, command: str, *, address: str = "", login: str = "") -> int:
    """Return how *command* ends over SSH, with the lab's key and pinned host keys."""
    known = sites.current().known_hosts
    line = [
        *("ssh", "-F", "/dev/null", "-i", str(host.key), "-o", "BatchMode=yes"),
        *("-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"),
        *("-o", f"UserKnownHostsFile={known}", "-o", "ConnectTimeout=30"),
        f"{login or host.login}@{address or host.address4}",
        command,
    ]
    return subprocess.run(line, check=False, capture_output=True).returncode


@dataclass(frozen=True)
class OwnLab:
    """A lab beside the one that all tests share, in a folder of its own."""

    home: Path
    number: int

    def command(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `keepgate lab` with *words* for this lab."""
        return subprocess.Popen(
            [sys.executable, "-m", "keepgate", "lab", *words],
            env={**os.environ, "KEEPGATE_HOME": str(self.home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str) -> None:
        """Run `keepgate lab` with *words*; it must end well."""
        process = self.command(*words)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()

    def mounts(self) -> list[str]:
        """Return where something of this lab is mounted."""
        lines = Path("/proc/self/mounts").read_text().splitlines()
        points = [line.split()[1] for line in lines]
        return [point for point in points if point.startswith(str(self.home))]

    def processes(self, *programs: str) -> list[int]:
        """Return the processes that name this lab, or run in it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                root = str((entry / "root").readlink())
            except OSError:
                continue
            named = str(self.home) in words or root.startswith(str(self.home))
            if named and (not programs or any(each in words for each in programs)):
                found.append(int(entry.name))
        return found

    def leftovers(self) -> dict[str, object]:
        """Return everything of this lab that can be seen on the machine."""
        number = str(self.number)
        groups = Path("/sys/fs/cgroup").glob(f"**/keepgate-lab-{number}")
        seen: dict[str, object] = {
            "mounts": self.mounts(),
            "processes": self.processes(),
            "links": _naming(number, "ip", "-o", "link"),
            "namespaces": _naming(number, "ip", "netns", "list"),
            "tables": _naming(number, "nft", "list", "tables"),
            "loops": _naming(str(self.home), "losetup", "--list"),
            "groups": [str(path) for path in groups],
            "hosts": [path.name for path in (self.home / "lab/hosts").glob("*")],
            "sockets": [
                str(p) for p in Path("/run/keepgate-lab").glob(f"kg{number}-*")
            ],
        }
        return {what: found for what, found in seen.items() if found}


def _naming(word: str, *command: str) -> list[str]:
    """Return the lines of *command*'s output that have *word* in a name of ours."""
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ours = ("kg", "keepgate", "/")
    return [
        line
        for line in said.splitlines()
        if any(word in part and part.startswith(ours) for part in _names(line))
    ]


def _names(line: str) -> list[str]:
    words = line.replace("@", " ").replace(":", " ").split()
    return [word.removeprefix("vb-").removeprefix("tap-") for word in words]


@pytest.fixture
def own_lab(
    tmp_path: Path, stock: LabHost, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OwnLab]:
    """Return a lab of its own that has the shared lab's images; empty afterwards."""
    assert stock.running
    images = sites.current().folder / "images"
    home = tmp_path / "home"
    with monkeypatch.context() as patched:
        patched.setenv("KEEPGATE_HOME", str(home))
        own = sites.current()
    for image in images.iterdir():
        if not image.name.endswith(".partial"):
            (own.folder / "images" / image.name).symlink_to(image)
    made = OwnLab(home, own.number)
    yield made
    made.run("down", "--all")
