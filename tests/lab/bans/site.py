"""A host with a site behind the real agent and Caddy, and somebody elsewhere."""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from keepgate.lab.attacker import attacker
from tests.lab.bans import packets
from tests.lab.commands.conftest import keepgate, write_inventory
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keepgate.lab import LabHost
    from keepgate.lab.attacker import Attacker
    from tests.lab.commands.conftest import Outcome

_KNOCK = Path(__file__).with_name("knock.py")
TOPICS = ("accounts", "firewall", "fail2ban", "agent", "caddy")
FAR = "fd6b:6567:6c61:bad"
"""An IPv6 /64 in which neither the hosts nor their operator live."""

PROXIED = "proxied.yml"
"""An inventory by which the site is met through a proxy."""

BARE = "bare.yml"
"""An inventory without a site."""

RETRY = 3
REFUSALS = 10


@dataclass(frozen=True)
class Sites:
    """A host with a site behind login, and somebody elsewhere."""

    host: LabHost
    inventory: Path
    attacker: Attacker

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check)

    def keepgate(
        self, command: str, *, topics: Sequence[str] = TOPICS, inventory: str = ""
    ) -> Outcome:
        """Run a command of Keepgate's on *topics*."""
        only = [word for topic in topics for word in ("--only", topic)]
        path = self.inventory.with_name(inventory or self.inventory.name)
        return keepgate(command, path, *only, "--json", seconds=600)

    def found(self, inventory: str = "") -> dict[str, str]:
        """Return what `verify` says of bans, by control."""
        told = self.keepgate("verify", topics=("fail2ban",), inventory=inventory)
        after = told.only["after"]
        assert after is not None, told.out
        return {one["id"]: one["outcome"] for one in after["findings"]}

    def knock(
        self, what: str, times: int = 1, *, far: bool = False, own: bool = False
    ) -> list[int]:
        """Come from elsewhere, from *far* away by IPv6, or from the *own* address."""
        address = self.host.address6 if far else self.host.address4
        source = f"{FAR}::77" if far else "-"
        prefix = () if own else self.attacker.prefix
        words = (sys.executable, _KNOCK, address, source, what, str(times))
        done = subprocess.run([*prefix, *words], capture_output=True, check=True)
        return [int(word) for word in done.stdout.split()]

    def held(self, jail: str) -> set[str]:
        """Return what the packet filter drops for *jail*, as its JSON tells it."""
        return packets.held(self.sh, jail)

    def banned(self, jail: str, element: str) -> None:
        """Return once the packet filter holds *element* for *jail*."""
        eventually(lambda: element in self.held(jail), f"{jail} holds {element}")

    def forgive(self) -> None:
        """Lift every ban."""
        self.sh("fail2ban-client unban --all")


@contextmanager
def serving(folder: Path, release: str) -> Iterator[Sites]:
    """Have a host with a site behind the real agent and Caddy during the block."""
    name = f"bans-sites-{secrets.token_hex(3)}"
    (host,) = lab.up([name], release=release)
    try:
        site = {"host": "app.example.com", "upstream": "/srv", "tls": "internal"}
        login = {"login": {"host": "auth.example.com", "tls": "internal"}}
        write_inventory(
            folder / PROXIED,
            [host],
            sites=[{**site, "proxied_by": "cloudflare"}],
            caddy=login,
        )
        write_inventory(folder / BARE, [host], caddy=login)
        inventory = write_inventory(
            folder / "sites.yml",
            [host],
            sites=[site],
            caddy=login,
            fail2ban={
                "login_retry": RETRY,
                "refused_retry": REFUSALS,
                "recidive_retry": 20,
            },
        )
        made = Sites(host, inventory, attacker())
        far = f"{FAR}::77/64"
        add = ("ip", "addr", "replace", far, "dev", "eth0", "nodad")
        subprocess.run([*made.attacker.prefix, *add], check=True)
        made.sh(f"ip -6 route replace {FAR}::/64 dev host0")
        done = made.keepgate("apply")
        if done.code:
            pytest.fail(f"the sites were not put up: {done.out}\n{done.err}")
        yield made
    finally:
        lab.down([name])


@contextmanager
def forgiven(served: Sites) -> Iterator[Sites]:
    """Have the host with nobody banned, before and after."""
    served.forgive()
    eventually(lambda: served.knock("look") == [200], "everybody is let in")
    yield served
    served.forgive()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """A Debian 13 host with a site."""
    with serving(tmp_path_factory.mktemp("sites"), "trixie") as made:
        yield made


@pytest.fixture
def sites(served: Sites) -> Iterator[Sites]:
    """The host, with nobody banned."""
    with forgiven(served) as made:
        yield made
