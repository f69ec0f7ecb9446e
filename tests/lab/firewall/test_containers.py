"""Redirected ports, of containers and of SSH; and how often one may knock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploys.firewall.rules import BURST
from tests.lab.commands.conftest import gets_in
from tests.lab.firewall.conftest import SOON, told

if TYPE_CHECKING:
    from tests.lab.firewall.conftest import Firewalled

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("firewall-containers")]
PUBLISHED = 8088


ELSEWHERE = 2022
REDIRECTION = f"""\
add table ip turn
add chain ip turn pre {{ type nat hook prerouting priority dstnat; policy accept; }}
add rule ip turn pre tcp dport {ELSEWHERE} redirect to :22
"""


@pytest.fixture(scope="module")
def engine(own: Firewalled) -> Firewalled:
    """A host on which a container publishes a port."""
    own.add_container()
    own.publish()
    return own


def test_published_port_is_closed_until_it_is_named(engine: Firewalled) -> None:
    """A redirection that passes by the input chain opens nothing by itself."""
    engine.sh("nft delete table inet keepgate")
    assert engine.reaches(PUBLISHED), "the container answers without a firewall"

    engine.apply(firewall={"forward": True})
    closed = engine.reaches(PUBLISHED)
    engine.apply(firewall={"forward": True, "tcp": [PUBLISHED]})

    assert [False, True] == [closed, engine.reaches(PUBLISHED)]


@pytest.mark.parametrize(("tcp", "said"), [([], "leave closed"), ([PUBLISHED], "open")])
def test_published_ports_are_told(
    engine: Firewalled, tcp: list[int], said: str
) -> None:
    """`plan` names each, and says whether the settings open it."""
    planned = engine.run("plan", firewall={"forward": True, "tcp": tcp})

    assert f"publishes {PUBLISHED}/tcp, which the settings {said}" in told(planned)


def test_nothing_is_forwarded_by_default(engine: Firewalled) -> None:
    """Where no engine is found the host passes nothing on, redirected or not."""
    engine.settle(firewall={"tcp": [PUBLISHED]})

    assert not engine.reaches(PUBLISHED)


def test_one_address_cannot_open_connections_without_end(engine: Firewalled) -> None:
    """Who knocks too often is heard now and then, and others as before."""
    engine.settle(firewall={"tcp": [PUBLISHED]})

    accepted = engine.box_reaches(22, times=BURST + 15)

    assert BURST <= accepted < BURST + 15
    assert gets_in(engine.host)


def test_who_comes_in_by_a_redirected_port_is_not_locked_out(own: Firewalled) -> None:
    """Rules that would shut the port that he dials are undone; named, it stays open."""
    own.settle()
    own.load(REDIRECTION)
    before = own.table()
    elsewhere = own.dialled_at(ELSEWHERE)

    shut = own.run("apply", **elsewhere, firewall={"forward": True}, confirm=SOON)
    after = own.table()
    own.apply(**elsewhere, firewall={"forward": True, "tcp": [ELSEWHERE]})

    assert (3, "rolled_back") == (shut.code, shut.only["status"])
    assert before == after
    assert own.reaches(ELSEWHERE)
