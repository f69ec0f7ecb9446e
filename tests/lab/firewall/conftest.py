"""Hosts whose packet filter is tried from outside, from inside and from a container."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keepgate import lab
from keepgate.inventory import home, load
from tests.lab.commands.conftest import OPERATOR, keepgate, write_inventory
from tests.lab.confirm.conftest import hardened
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost
    from tests.lab.commands.conftest import Outcome

__all__ = ["hardened"]

_WORKER = Path(__file__).parents[1] / "confirm" / "worker.py"
_CONTAINER = """\
ip netns add box
ip link add kgbox type veth peer name eth0 netns box
ip addr add 10.213.0.1/24 dev kgbox
ip link set kgbox up
ip -n box addr add 10.213.0.2/24 dev eth0
ip -n box link set eth0 up
ip -n box link set lo up
ip -n box route add default via 10.213.0.1
echo 1 > /proc/sys/net/ipv4/ip_forward
"""
# What an engine does for `-p 8088:80`.
_PUBLISH = """\
add table ip engine
add chain ip engine pre { type nat hook prerouting priority dstnat; policy accept; }
add rule ip engine pre fib daddr type local tcp dport 8088 dnat to 10.213.0.2:80
"""
FOREIGN = """\
table inet mine {
	set friends {
		type ipv4_addr
		elements = { 192.0.2.7 }
	}

	chain input {
		type filter hook input priority filter + 5; policy accept;
		ip saddr @friends tcp dport 4711 accept
	}
}
"""
SOON = {"timeout": 15}
"""Settings of commits that are to be undone."""

BOX = "10.213.0.1"
"""The host's address as the container sees it."""


@dataclass
class Firewalled:
    """One host and what a test does with it."""

    host: LabHost
    folder: Path
    settled: tuple[dict[str, Any], str] = field(default=({}, ""), init=False)

    def sh(self, script: str, *, check: bool = True, seconds: float = 0) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check, timeout=seconds)

    def load(self, rules: str) -> None:
        """Load *rules* of somebody else's into the kernel."""
        self.sh(f"nft -f - <<'RULES'\n{rules}RULES")

    def listen(self, port: int, *, within: str = "") -> None:
        """Serve HTTP on *port* of all addresses, perhaps *within* a namespace."""
        prefix = f"ip netns exec {within} " if within else ""
        self.sh(
            f"systemd-run --quiet --collect --unit=try{within}{port} "
            f"{prefix}python3 -m http.server --bind :: {port}"
        )
        look = f"{prefix}ss -Hltn 'sport = :{port}'"
        eventually(lambda: self.sh(look), f"something listens on {port}", seconds=20)

    def reaches(self, port: int, *, version: int = 4) -> bool:
        """Whether the controller's connection to *port* is accepted."""
        address = self.host.address4 if version == 4 else self.host.address6
        try:
            socket.create_connection((address, port), timeout=1.5).close()
        except OSError:
            return False
        return True

    def box_reaches(self, port: int, *, times: int = 1) -> int:
        """Return how many of the container's connections to the host are accepted."""
        return int(
            self.sh(
                f"ip netns exec box python3 - <<'PROBE'\n"
                f"import socket\n"
                f"count = 0\n"
                f"for _ in range({times}):\n"
                f"    try:\n"
                f"        socket.create_connection(('{BOX}', {port}), 0.4).close()\n"
                f"        count += 1\n"
                f"    except OSError:\n"
                f"        pass\n"
                f"print(count)\n"
                f"PROBE"
            )
        )

    def add_container(self) -> None:
        """Make a network namespace that stands for a container with a web server."""
        self.sh(_CONTAINER)
        self.listen(80, within="box")

    def publish(self) -> None:
        """Redirect port 8088 to the container."""
        self.load(_PUBLISH)

    def run(self, verb: str, *topics: str, **settings: Any) -> Outcome:
        """Run a command of Keepgate's on *topics*, by default the firewall alone."""
        path = self._inventory(**settings)
        only = [word for topic in topics or ("firewall",) for word in ("--only", topic)]
        return keepgate(verb, path, *only, "--json")

    def operator(self, *networks: str) -> dict[str, Any]:
        """Return the operator's settings with *networks* to come from."""
        keys = [f"{self.host.key}.pub"]
        return {"name": OPERATOR, "keys": keys, "networks": [*networks]}

    def dialled_at(self, port: int) -> dict[str, Any]:
        """Return settings by which the host is reached on *port* with its own key."""
        known = home() / "lab/known_hosts"
        pinned = self.folder / f"known_hosts-{port}"
        pinned.write_text(
            "".join(
                f"[{self.host.address4}]:{port} {line.partition(' ')[2]}\n"
                for line in known.read_text().splitlines()
                if self.host.address4 in line.partition(" ")[0].split(",")
            )
        )
        return {"port": port, "known_hosts": str(pinned)}

    def apply(self, *topics: str, **settings: Any) -> Outcome:
        """Apply, which must go well."""
        done = self.run("apply", *topics, **settings)
        assert done.code == 0, f"{done.out}\n{done.err}"
        self.settled = settings, self.table()
        return done

    def settle(self, **settings: Any) -> None:
        """Have the rules of *settings* in force, by a run only if they are not."""
        if self.settled != (settings, self.table()):
            self.apply(**settings)

    def table(self) -> str:
        """Return our table as the kernel holds it, without what changes by itself."""
        return self.sh("nft -s -t list table inet keepgate 2>/dev/null || true")

    def die_before_proof(self, **firewall: Any) -> None:
        """Commit other firewall settings, and lose the controller after the switch."""
        path = self._inventory(login=OPERATOR, firewall=firewall, confirm=SOON)
        (target,) = load(path).hosts
        spec = {
            "target": target.model_dump(mode="json"),
            "topics": ["firewall"],
            "die": "prove",
        }
        path = self.folder / "spec.json"
        path.write_text(json.dumps(spec))
        done = subprocess.run(
            [sys.executable, str(_WORKER), str(path)],
            capture_output=True,
            check=False,
            timeout=60,
            text=True,
        )
        assert done.stdout.splitlines()[-1] == "phase prove", done.stdout

    def _inventory(self, **settings: Any) -> Path:
        path = self.folder / f"{self.host.name}.yml"
        return write_inventory(path, [self.host], **settings)

    def reboot(self) -> None:
        """Cut the power and boot again; others load their own table again."""
        lab.stop(self.host, clean=False)
        self.host = lab.start(self.host)
        self.load(FOREIGN)


@contextmanager
def _firewalled(
    folder: Path, *, release: str = "", source: str = ""
) -> Iterator[Firewalled]:
    """Boot a host and have all that decides who gets in applied to it.

    Somebody's own table is there before.
    """
    name = f"fw-{secrets.token_hex(3)}"
    (host,) = lab.up([name], release=release, source=source)
    try:
        made = Firewalled(host, folder)
        made.sh(
            "command -v nft >/dev/null || "
            "{ apt-get -qq update && apt-get -qq -y install nftables >/dev/null; }",
            seconds=150,
        )
        made.load(FOREIGN)
        made.apply("accounts", "ssh", "firewall")
        yield made
    finally:
        lab.down([name])


def told(done: Outcome) -> str:
    """Return all that a command said of its only host, as one text."""
    return json.dumps(done.only, ensure_ascii=False)


@pytest.fixture(scope="session")
def trixie(
    hardened: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firewalled]:
    """A Debian 13 host with a firewall."""
    with _firewalled(tmp_path_factory.mktemp("fw"), source=hardened.name) as made:
        yield made


@pytest.fixture(scope="session")
def bookworm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firewalled]:
    """A Debian 12 host with a firewall, hardened from stock."""
    with _firewalled(tmp_path_factory.mktemp("fw"), release="bookworm") as made:
        yield made


@pytest.fixture(
    params=[
        pytest.param("trixie", marks=pytest.mark.xdist_group("firewall-trixie")),
        pytest.param("bookworm", marks=pytest.mark.xdist_group("firewall-bookworm")),
    ]
)
def either(request: pytest.FixtureRequest) -> Firewalled:
    """A host of each release; those of one group share it."""
    found: Firewalled = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def own(
    hardened: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firewalled]:
    """A Debian 13 host that the tests of one module have for themselves."""
    with _firewalled(tmp_path_factory.mktemp("fw"), source=hardened.name) as made:
        yield made
