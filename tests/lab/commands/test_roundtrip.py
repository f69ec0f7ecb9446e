"""From a stock host to a hardened one, and a second run that finds nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.commands.conftest import (
    booted,
    gets_in,
    keepgate,
    state_of,
    write_inventory,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keepgate.lab import LabHost

KINDS = {
    "trixie": ("trixie", "cloud"),
    "bookworm": ("bookworm", "cloud"),
    "root-only": ("trixie", "root-only"),
}
pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("roundtrip")]


@pytest.fixture(scope="module", params=list(KINDS))
def stock(request: pytest.FixtureRequest) -> Iterator[LabHost]:
    """A host as clouds hand it out."""
    release, variant = KINDS[request.param]
    with booted(prefix="rt", release=release, variant=variant) as (host,):
        yield host


@pytest.fixture(scope="module")
def inventory(stock: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of that host: a web server to be, whose service has not come yet."""
    path = tmp_path_factory.mktemp("rt") / f"{stock.name}.yml"
    return write_inventory(
        path, [stock], drop=stock.variant == "cloud", firewall={"tcp": [443]}
    )


class TestRoundtrip:
    """One host, in this order: plan, apply, apply again, plan, status, verify."""

    def test_plan_changes_nothing(self, stock: LabHost, inventory: Path) -> None:
        """A host is the same before and after `plan`, which tells changes."""
        before = state_of(stock)

        done = keepgate("plan", inventory, "--json")

        assert (0, "changed") == (done.code, done.only["status"])
        assert before == state_of(stock)

    def test_apply_does_what_was_planned(self, stock: LabHost, inventory: Path) -> None:
        """`apply` makes the very changes of `plan`, and the operator gets in."""
        planned = keepgate("plan", inventory, "--json").only["plans"]

        done = keepgate("apply", inventory, "--json")

        assert (0, "changed") == (done.code, done.only["status"]), done.err
        told = {plan["topic"]: plan["summaries"] for plan in done.only["plans"]}
        first = next(plan for plan in planned if plan["summaries"])
        assert first["summaries"] == told[first["topic"]]
        assert gets_in(stock)
        assert not gets_in(stock, stock.login)

    def test_second_apply_changes_nothing(
        self, stock: LabHost, inventory: Path
    ) -> None:
        """A second run has nothing to do, and needs few channels to know it."""
        before = state_of(stock)

        done = keepgate("apply", inventory, "--json")

        assert (0, "ok", 0) == (done.code, done.only["status"], done.only["changes"])
        assert 40 > sum(phase["channels"] for phase in done.only["phases"])
        assert before == state_of(stock)

    def test_plan_is_empty_afterwards(self, inventory: Path) -> None:
        """`plan` sees that nothing is left to do."""
        done = keepgate("plan", inventory, "--json")

        assert (0, "ok") == (done.code, done.only["status"])
        assert [] == [plan for plan in done.only["plans"] if plan["summaries"]]

    def test_status_says_as_its_settings_say(self, inventory: Path) -> None:
        """`status` finds no drift, nothing armed, and remembers the apply."""
        done = keepgate("status", inventory, "--json")

        assert 0 == done.code, done.err
        assert {} == done.only["drift"]
        assert None is done.only["commits"]["armed"]
        assert not done.only["last_apply"]["settings_changed"]

    def test_verify_passes(self, inventory: Path) -> None:
        """Every control that can be observed holds."""
        done = keepgate("verify", inventory, "--json")

        failed = [
            f"{found['id']}: {found['reason']}"
            for host in done.document["hosts"]
            for found in host["after"]["findings"]
            if found["outcome"] == "failed"
        ]
        assert (0, []) == (done.code, failed)
