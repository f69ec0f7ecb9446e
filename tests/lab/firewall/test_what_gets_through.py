"""What a firewalled host lets in, seen from the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.commands.conftest import gets_in
from tests.lab.firewall.conftest import FOREIGN

if TYPE_CHECKING:
    from tests.lab.firewall.conftest import Firewalled

pytestmark = pytest.mark.lab


def test_second_apply_changes_nothing(either: Firewalled) -> None:
    """A host as it should be is left alone."""
    either.settle()

    done = either.apply("accounts", "ssh", "firewall")

    assert 0 == done.only["changes"]


@pytest.mark.parametrize("version", [4, 6])
def test_only_named_ports_are_reached(either: Firewalled, version: int) -> None:
    """Of two services that listen everywhere, the one in the settings answers."""
    for port in (8080, 9090):
        if not either.sh(f"ss -Hltn 'sport = :{port}'"):
            either.listen(port)
    either.settle(firewall={"tcp": [8080]})

    reached = [port for port in (8080, 9090) if either.reaches(port, version=version)]

    assert [8080] == reached
    assert either.reaches(22, version=version)


def test_tables_of_others_survive(either: Firewalled) -> None:
    """A table that was there before our rules were exchanged is there as it was."""
    either.apply(firewall={"udp": [9090]})

    assert FOREIGN == either.sh("nft list table inet mine")


@pytest.mark.xdist_group("firewall-trixie")
def test_ssh_is_for_the_operators_networks_alone(trixie: Firewalled) -> None:
    """Another network, and another family, finds nothing on SSH's port."""
    trixie.settle()
    assert trixie.reaches(22, version=6)
    here = f"{trixie.host.address4.rpartition('.')[0]}.0/24"

    trixie.apply(operator=trixie.operator(here))

    assert gets_in(trixie.host)
    assert not trixie.reaches(22, version=6)
