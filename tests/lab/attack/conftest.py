"""A host with everything on it, an app behind its gate, and who comes to harm it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from keepgate.lab.attacker import attacker
from tests.lab.attack.besieged import Besieged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.web.browser import Member
    from tests.lab.attack.front import HostFront


@pytest.fixture(scope="session")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """A Debian 13 host with all topics applied, before an app that notes all."""
    name = f"siege-{secrets.token_hex(3)}"
    (host,) = lab.up([name])
    try:
        made = Besieged(host, tmp_path_factory.mktemp("siege"), attacker())
        made.put_up()
        yield made
        made.front.stop()
    finally:
        lab.down([name])


@pytest.fixture
def front(besieged: Besieged) -> HostFront:
    """The way to the host's sites from the operator's address."""
    return besieged.front


@pytest.fixture(scope="session")
def admin(besieged: Besieged) -> Member:
    """The first administrator, logged in at the site."""
    return besieged.front.admin()
