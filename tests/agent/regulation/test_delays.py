"""Failures in a row cost ever more time, up to an hour each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from auth_agent.callers import Client
from auth_agent.errors import LoginRefusedError
from auth_agent.regulation.limits import delay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auth_agent.config.model import Config

    from tests.agent.conftest import Person

from tests.agent.conftest import World

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (10, 32), (16, 2_048), (17, 3_600), (99, 3_600)],
)
def test_the_delay_doubles_up_to_an_hour(failures: int, seconds: int) -> None:
    """A second after the fifth failure, then twice as much each time."""
    assert seconds * SECOND == delay(failures)


def lock_after(world: World, person: Person, failures: int) -> int:
    """Fail so often in a row, waiting each time; return how long the lock lasts."""
    for number in range(failures):
        world.clock.advance(3_601)
        with pytest.raises(LoginRefusedError):
            world.guess(person, Client(ip=f"198.51.100.{number}"))
    [ban] = world.services.bans.list()
    return (ban.until - world.services.core.micros()) // SECOND


@pytest.mark.parametrize(
    ("failures", "seconds"), [(5, 900), (14, 900), (15, 1_024), (17, 3_600)]
)
def test_the_longer_of_lockout_and_delay_counts(
    world: World, failures: int, seconds: int
) -> None:
    """A quarter of an hour, until the doubled delay is longer."""
    assert seconds == lock_after(world, world.person("ada"), failures)


@pytest.fixture
def patient(config: Config) -> Iterator[World]:
    """Return an agent that locks out after twenty failures only."""
    regulation = msgspec.structs.replace(config.regulation, lockout_after=20)
    opened = World(msgspec.structs.replace(config, regulation=regulation))
    yield opened
    opened.do(opened.services.close())
    opened.loop.close()


def test_a_late_lockout_takes_no_delay_away(patient: World) -> None:
    """With another setting the sixth try waits its second, and nothing is locked."""
    ada = patient.person("ada")
    for number in range(5):
        with pytest.raises(LoginRefusedError):
            patient.guess(ada, Client(ip=f"198.51.100.{number}"))

    with pytest.raises(LoginRefusedError):
        patient.start(ada, Client(ip="198.51.100.9"))
    patient.clock.advance(1)
    patient.do(patient.services.bans.sweep())
    assert patient.start(ada, Client(ip="198.51.100.9")).token
    assert not {"login.lockout", "login.unlock"} & set(patient.events())


def test_a_success_ends_the_doubling(world: World) -> None:
    """After it the next failures begin at the beginning."""
    ada = world.person("ada")
    lock_after(world, ada, 16)
    world.clock.advance(3_601)
    assert world.start(ada, Client(ip="198.51.100.250")).token

    assert 900 == lock_after(world, ada, 5)
