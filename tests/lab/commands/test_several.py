"""Several hosts: a canary first, batches, and a stop at the first that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from keepgate.inventory import home
from tests.lab.commands.conftest import booted, gets_in, keepgate, write_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("several")]
_ONLY = ("--only", "accounts")


@pytest.fixture(scope="module")
def fleet() -> Iterator[list[LabHost]]:
    """Three stock hosts."""
    with booted(prefix="fleet", count=3) as hosts:
        yield hosts


@pytest.fixture
def inventory(fleet: list[LabHost], tmp_path: Path) -> Path:
    """An inventory of them."""
    return write_inventory(tmp_path / "fleet.yml", fleet)


class TestFleet:
    """Three hosts, in this order."""

    def test_stops_when_the_canary_fails(
        self, fleet: list[LabHost], inventory: Path
    ) -> None:
        """Where the first host is refused, no other is begun."""
        lab.execute(fleet[0], "touch /etc/nologin")
        try:
            done = keepgate("apply", inventory, "--json", *_ONLY)
        finally:
            lab.execute(fleet[0], "rm /etc/nologin")

        states = [host["status"] for host in done.document["hosts"]]
        assert "ok" not in states
        assert "changed" not in states
        assert ["not started", "not started"] == states[1:]
        assert done.code in (1, 4)

    def test_stops_after_a_batch_that_fails(
        self, fleet: list[LabHost], inventory: Path
    ) -> None:
        """What was begun ends; the next batch is not begun."""
        silent = inventory.read_text().replace(fleet[1].address4, "no-such.invalid")
        inventory.write_text(silent)

        done = keepgate("apply", inventory, "--json", "--batch", "1", *_ONLY)

        states = [host["status"] for host in done.document["hosts"]]
        assert (4, ["changed", "unreachable", "not started"]) == (done.code, states)

    def test_limit_leaves_the_others_alone(
        self, fleet: list[LabHost], inventory: Path
    ) -> None:
        """`--limit` takes the named hosts and no others."""
        chosen = fleet[2].name

        done = keepgate("apply", inventory, "--json", "--limit", chosen, *_ONLY)

        assert [chosen] == [host["host"] for host in done.document["hosts"]]
        assert (0, [False, True]) == (
            done.code,
            [gets_in(host) for host in fleet[1:]],
        )

    def test_all_hosts_end_alike(self, inventory: Path) -> None:
        """A run on all goes on where the others stopped."""
        done = keepgate("apply", inventory, "--json", *_ONLY)

        states = [host["status"] for host in done.document["hosts"]]
        told = [host["plans"] for host in done.document["hosts"]]
        assert (0, ["ok", "changed", "ok"]) == (done.code, states), told

    def test_unknown_limit_is_wrong_usage(
        self, fleet: list[LabHost], inventory: Path
    ) -> None:
        """A misspelt host is told with the nearest one, and nothing is begun."""
        wrong = fleet[0].name.replace("fleet", "fleeet")

        done = keepgate("apply", inventory, "--json", "--limit", wrong)

        assert (2, []) == (done.code, done.document["hosts"])
        assert fleet[0].name in done.document["error"]["fix"]


class TestTrust:
    """Host keys, from unknown to pinned."""

    def test_pins_nothing_unseen(self, inventory: Path, tmp_path: Path) -> None:
        """Without a terminal and without a word nothing is pinned; status 4."""
        known = tmp_path / "known_hosts"
        self._point(inventory, known)

        done = keepgate("trust", inventory, "--json")

        assert 4 == done.code
        assert "--fingerprint" in done.document["hosts"][0]["fix"]
        assert not known.exists()

    def test_pins_what_the_fingerprint_names(
        self, fleet: list[LabHost], inventory: Path, tmp_path: Path
    ) -> None:
        """Exactly the key with the given fingerprint is pinned, as the host's own."""
        known = tmp_path / "known_hosts"
        self._point(inventory, known)
        host = fleet[0]
        path = "/etc/ssh/ssh_host_ed25519_key.pub"
        printed = lab.execute(host, f"ssh-keygen -lf {path}").split()[1]
        kind, key = lab.execute(host, f"cat {path}").split()[:2]

        limit = ("--limit", host.name)
        done = keepgate("trust", inventory, *limit, "--fingerprint", printed)

        assert 0 == done.code, done.out + done.err
        assert f"{host.address4} {kind} {key}\n" == known.read_text()
        assert 0o600 == known.stat().st_mode & 0o777

    def test_wrong_fingerprint_is_refused(
        self, fleet: list[LabHost], inventory: Path, tmp_path: Path
    ) -> None:
        """A host that shows none of the given keys is not trusted, even with --yes."""
        known = tmp_path / "known_hosts"
        self._point(inventory, known)
        wrong = f"{fleet[0].name}=SHA256:{'A' * 43}"

        done = keepgate(
            "trust",
            inventory,
            "--limit",
            fleet[0].name,
            "--fingerprint",
            wrong,
            "--yes",
        )

        assert 4 == done.code
        assert "somebody is between" in done.out
        assert not known.exists()

    def test_changed_key_needs_replace(
        self, fleet: list[LabHost], inventory: Path, tmp_path: Path
    ) -> None:
        """A changed key is refused, even with --yes; --replace takes the new one."""
        known = tmp_path / "known_hosts"
        self._point(inventory, known)
        old = (home() / "lab/known_hosts").read_text().splitlines()
        stranger = next(line for line in old if fleet[1].address4 in line.split()[0])
        _, kind, key = stranger.split()[:3]
        known.write_text(f"# kept\n{fleet[0].address4} {kind} {key}\n")
        words = ("trust", inventory, "--limit", fleet[0].name, "--yes")

        refused = keepgate(*words)
        replaced = keepgate(*words, "--replace", fleet[0].name)

        assert (4, 0) == (refused.code, replaced.code)
        assert "CHANGED" in refused.out
        assert known.read_text().startswith("# kept\n")
        assert key not in known.read_text()

    @staticmethod
    def _point(inventory: Path, known: Path) -> None:
        text = inventory.read_text().replace(
            str(home() / "lab/known_hosts"), str(known)
        )
        inventory.write_text(text)
