"""Hosts with sites, shared by the tests of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploys.caddy import places
from tests.lab.caddy.current import current, source
from tests.lab.caddy.hosts import served
from tests.lab.confirm.conftest import hardened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost
    from tests.lab.caddy.hosts import Served
    from tests.unit.caddy.client import Visitor

__all__ = ["current", "hardened", "source"]


@pytest.fixture(scope="session")
def trixie(
    hardened: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A Debian 13 host with sites."""
    with served(tmp_path_factory.mktemp("web"), source=hardened.name) as made:
        yield made


@pytest.fixture(scope="session")
def bookworm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A Debian 12 host with sites, hardened from stock."""
    with served(tmp_path_factory.mktemp("web"), release="bookworm") as made:
        yield made


@pytest.fixture(
    params=[
        pytest.param("trixie", marks=pytest.mark.xdist_group("caddy-trixie")),
        pytest.param("bookworm", marks=pytest.mark.xdist_group("caddy-bookworm")),
    ]
)
def either(request: pytest.FixtureRequest) -> Served:
    """A host of each release with an agent; those of one group share it."""
    found: Served = request.getfixturevalue(request.param)
    if not found.sh(f"ls {places.AGENT} 2>/dev/null", check=False):
        found.start_stub("agent")
    return found


@pytest.fixture
def visitor(either: Served) -> Visitor:
    """Somebody who comes to it from outside."""
    return either.visitor()
