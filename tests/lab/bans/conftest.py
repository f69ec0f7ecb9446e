"""Hosts with bans and updates, one per release, shared by all tests of a worker."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keepgate import lab
from keepgate.inventory import home
from keepgate.lab.attacker import attacker
from tests.lab.bans.site import FAR, served, sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keepgate.lab import LabHost
    from keepgate.lab.attacker import Attacker

__all__ = ["FAR", "served", "sites"]

_WORKER = Path(__file__).with_name("worker.py")
PATIENT = {"recidive_retry": 20}
"""The tests of a host ban one address again and again; the long ban would disturb."""


@dataclass
class Keeper:
    """One host and those who come to it."""

    host: LabHost
    folder: Path
    attacker: Attacker
    first: dict[str, Any] = field(default_factory=dict)

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check)

    def apply(self, **settings: Any) -> dict[str, Any]:
        """Converge bans and updates; return what was done and how it ended."""
        spec = self.folder / "spec.json"
        spec.write_text(json.dumps({"target": self._target(settings)}))
        run = subprocess.run(
            [sys.executable, str(_WORKER), str(spec)],
            capture_output=True,
            text=True,
            check=False,
        )
        found = [line for line in run.stdout.splitlines() if line.startswith("{")]
        if not found:
            pytest.fail(f"the worker said nothing: {run.stderr[-3000:]}")
        told: dict[str, Any] = json.loads(found[-1])
        return told

    def login(self, user: str) -> int:
        """Try to log in as *user* from the operator's address; return the status."""
        command = [
            *("ssh", "-F", "/dev/null", "-i", str(self.host.key)),
            *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
            *("-o", "ConnectTimeout=3", "-o", "StrictHostKeyChecking=no"),
            *("-o", "UserKnownHostsFile=/dev/null"),
            *(f"{user}@{self.host.address4}", "true"),
        ]
        run = subprocess.run(command, check=False, capture_output=True, timeout=30)
        return run.returncode

    def reached(self) -> bool:
        """Whether the attacker gets an answer (a login would spare its address)."""
        ask = f"exec 3<>/dev/tcp/{self.host.address4}/{self.host.port}; head -c 4 <&3"
        command = [*self.attacker.prefix, "timeout", "5", "bash", "-c", ask]
        run = subprocess.run(command, check=False, capture_output=True)
        return run.stdout == b"SSH-"

    def banned(self, address: str, jail: str = "sshd") -> bool:
        """Whether the packet filter holds *address*, as it is written there."""
        family = "6" if ":" in address else "4"
        text = self.sh(f"nft list set inet keepgate_bans {jail}_{family}", check=False)
        return address in text.replace(",", " ").split()

    def attack(
        self,
        element: str,
        *,
        address: str = "",
        source: str = "",
        user: str = "nobody-{}",
    ) -> None:
        """Fail to log in as *user*, without a key, till the packet filter holds it.

        *element* is what the packet filter then has of the attacker.
        """
        where = (*self.attacker.prefix,)
        bind = ("-b", source) if source else ()
        command = (
            *(*where, "ssh", "-F", "/dev/null", *bind, "-o", "BatchMode=yes"),
            *("-o", "IdentitiesOnly=yes", "-i", "/dev/null"),
            *("-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=no"),
            *("-o", "UserKnownHostsFile=/dev/null"),
            *(f"{user}@{address or self.host.address4}", "true"),
        )
        # More than are counted: on a busy machine some are given up before sshd has
        # heard a name.
        for number in range(20):
            words = [word.format(number) for word in command]
            # Who is banned in the middle of it gets no answer any more.
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(words, check=False, capture_output=True, timeout=8)
            if self.banned(element):
                return
        self.eventually(lambda: self.banned(element), f"{element} is banned")

    def ban(self, address: str, element: str) -> None:
        """Have *address* banned by hand; return once the packet filter holds it."""
        self.sh(f"fail2ban-client set sshd banip {address}")
        self.eventually(lambda: self.banned(element), f"{element} is banned")

    def let_in(self, element: str, *, seconds: float = 10) -> bool:
        """Whether the packet filter lets go of *element* soon."""
        until = time.monotonic() + seconds
        while self.banned(element) and time.monotonic() < until:
            time.sleep(0.1)
        return not self.banned(element)

    def forgive(self) -> None:
        """Lift every ban."""
        self.sh("fail2ban-client unban --all")

    def eventually(
        self, condition: Callable[[], object], what: str, *, seconds: float = 40
    ) -> None:
        """Return once *condition* holds; fail with *what* after *seconds*."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                pytest.fail(f"after {seconds:.0f} s still not: {what}")
            time.sleep(0.3)

    def _target(self, settings: dict[str, Any]) -> dict[str, Any]:
        key = self.host.key
        public = key.with_name(f"{key.name}.pub").read_text().strip()
        return {
            "name": self.host.name,
            "address": self.host.address4,
            "port": self.host.port,
            "login": self.host.login,
            "key": str(key),
            "known_hosts": str(home() / "lab/known_hosts"),
            "state": str(self.folder / "state"),
            "settings": {
                "operator": {"name": "keeper", "keys": [public]},
                **settings,
                "fail2ban": {**PATIENT, **settings.get("fail2ban", {})},
            },
        }


def _keeper(release: str, folder: Path) -> Iterator[Keeper]:
    name = f"bans-{release}"
    (host,) = lab.up([name], release=release)
    try:
        keeper = Keeper(host, folder, attacker())
        far = f"{FAR}::66/64"
        subprocess.run(
            [
                *keeper.attacker.prefix,
                *("ip", "addr", "replace", far, "dev", "eth0", "nodad"),
            ],
            check=True,
        )
        keeper.sh(f"ip -6 route replace {FAR}::/64 dev host0")
        keeper.first = keeper.apply()
        if keeper.first["error"]:
            pytest.fail(f"the first run failed: {keeper.first}")
        yield keeper
    finally:
        lab.down([name])


@pytest.fixture(scope="session")
def trixie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """A Debian 13 host with bans and updates."""
    yield from _keeper("trixie", tmp_path_factory.mktemp("trixie"))


@pytest.fixture(scope="session")
def bookworm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """A Debian 12 host with bans and updates."""
    yield from _keeper("bookworm", tmp_path_factory.mktemp("bookworm"))


@pytest.fixture
def keeper(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    """The host of the release that the test names, with nobody banned."""
    found: Keeper = request.getfixturevalue(request.param)
    found.forgive()
    yield found
    found.forgive()
