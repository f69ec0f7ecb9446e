"""A stock host, a hardened one, and clones of it that something was done to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from deploys.edge import Target
from keepgate import lab
from keepgate.inventory import home
from keepgate.verify import runner
from keepgate.verify.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keepgate.lab import LabHost
    from keepgate.report import Snapshot

STOCK, BASE, GOOD = "ver-stock", "ver-base", "ver-good"
NOBODY = "ver-nobody"
UNUSED = 249
"""The last number of an address that no host of the lab gets."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Bench:
    """An inventory of the hosts, and commands on it."""

    inventory: Path
    key: Path

    def keepgate(self, command: str, *words: str) -> Ended:
        """Run a command of Keepgate on the inventory to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "keepgate", command, str(self.inventory), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


def target(host: LabHost, state: Path, **operator: object) -> Target:
    """Return *host* as an inventory would describe it, in the operator's words."""
    public = host.key.with_name(f"{host.key.name}.pub").read_text().strip()
    described = {
        "name": host.name,
        "address": host.address4,
        "login": host.login,
        "key": str(host.key),
        "known_hosts": str(home() / "lab" / "known_hosts"),
        "state": str(state),
        "settings": {
            "operator": {"name": "keeper", "keys": [public], **operator},
            "accounts": {"drop": ["debian"]},
        },
    }
    return Target.model_validate_json(json.dumps(described), strict=True)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A stock host, and one that was hardened, stopped, and cloned since."""
    stock, base = lab.up([STOCK, BASE])
    lines = _addresses(stock, base)
    folder = tmp_path_factory.mktemp("verify")
    bench = Bench(folder / "lab.yml", stock.key)
    _write(bench, lines)
    applied = bench.keepgate("apply", "--limit", BASE)
    assert 0 == applied.status, applied.err
    lab.stop(base)
    (good,) = lab.up([GOOD], source=BASE)
    _write(bench, {**lines, GOOD: good.address4})
    yield bench
    lab.down([STOCK, BASE, GOOD])


def _addresses(stock: LabHost, base: LabHost) -> dict[str, str]:
    network = base.address4.rpartition(".")[0]
    return {
        STOCK: stock.address4,
        BASE: base.address4,
        NOBODY: f"{network}.{UNUSED}",
    }


def _write(bench: Bench, addresses: dict[str, str]) -> None:
    described = {
        "defaults": {
            "login": "debian",
            "key": str(bench.key),
            "known_hosts": str(home() / "lab" / "known_hosts"),
            "operator": {"name": "keeper", "keys": [f"{bench.key}.pub"]},
            "accounts": {"drop": ["debian"]},
        },
        "hosts": {name: {"address": where} for name, where in addresses.items()},
    }
    bench.inventory.write_text(json.dumps(described, indent=1))  # YAML, too


@pytest.fixture(scope="session")
def stock(bench: Bench) -> Ended:
    """What `verify` finds on the stock host; its report lies beside the inventory."""
    folder = str(bench.inventory.with_name("report"))
    return bench.keepgate("verify", "--limit", STOCK, "--json", "--report", folder)


def broken(
    script: str, name: str, folder: Path, networks: tuple[str, ...] = ()
) -> Snapshot:
    """Return what the checks find on a clone after *script* was run on it.

    The connection is open before: the script may shut out whoever comes later.
    """
    (host,) = lab.up([name], source=BASE)
    try:
        where = target(host, folder)
        with connect(where) as opened:
            lab.execute(host, f"set -e\n{script}")
            wanted = target(host, folder, networks=networks)
            return runner.run(wanted, opened)
    finally:
        lab.down([name])
