"""Too many hashes at once: nobody is locked out by it, and nobody tries for free."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
from auth_agent.accounts.rows import number
from auth_agent.callers import Caller, Client
from auth_agent.errors import BusyError, LoginRefusedError, ThrottledError
from auth_agent.regulation.limits import ACCOUNT, Kind

from tests.agent.conftest import BROWSER, World

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from auth_agent.config.model import Config

    from tests.agent.conftest import Person

    Act = Callable[[World, Person], Coroutine[object, object, object]]

NEW = "another velvet tramp sock"


@pytest.fixture
def narrow(config: Config) -> Iterator[World]:
    """Return an agent that hashes one password while one more waits."""
    passwords = msgspec.structs.replace(config.passwords, workers=1, queue=1)
    opened = World(msgspec.structs.replace(config, passwords=passwords))
    yield opened
    opened.do(opened.services.close())
    opened.loop.close()


def counted(world: World, kind: Kind) -> int:
    """Return how many tries stand against accounts, whoever's."""
    row = world.services.core.store.read(
        lambda reader: reader.one(
            "SELECT count(*) FROM tries WHERE bucket LIKE ?", (f"{kind}:account:%",)
        )
    )
    return number(row[0]) if row else 0


async def storm(world: World, person: Person) -> list[object]:
    """Return how eight wrong passwords at once, each from elsewhere, were answered."""
    start = world.services.login.start
    return await asyncio.gather(
        *(
            start(person.name, "wrong", Client(ip=f"192.0.2.{at}", host="a.b"))
            for at in range(8)
        ),
        return_exceptions=True,
    )


def test_what_was_not_looked_at_is_not_counted(narrow: World) -> None:
    """Of tries at once those that found no room leave nothing behind."""
    answers = narrow.do(storm(narrow, narrow.person("ada")))

    refused = sum(isinstance(one, LoginRefusedError) for one in answers)
    busy = sum(isinstance(one, BusyError) for one in answers)
    assert (8, True) == (refused + busy, min(refused, busy) > 0)
    assert refused == counted(narrow, Kind.PASSWORD)


def test_overload_gives_no_free_tries(narrow: World) -> None:
    """However often there is no room: as many passwords are looked at as ever."""
    ada = narrow.person("ada")
    answers: list[object] = []

    for _ in range(20):
        answers += narrow.do(storm(narrow, ada))

    [limit] = ACCOUNT[Kind.PASSWORD]
    looked_at = sum(isinstance(one, LoginRefusedError) for one in answers)
    assert limit.count == looked_at
    assert isinstance(answers[-1], ThrottledError)


def test_an_owner_is_let_in_after_it(world: World) -> None:
    """Right passwords for which there was no room use no limit up."""
    ada = world.person("ada")
    hashing = world.services.core.hashing
    room, hashing.limit = hashing.limit, 0

    for _ in range(15):
        with pytest.raises(BusyError):
            world.start(ada)
    hashing.limit = room

    assert world.start(ada).token


def _recovery(world: World, ada: Person) -> Coroutine[object, object, object]:
    step = world.start(ada)
    return world.services.login.recovery(step.transaction, ada.codes[0], BROWSER)


def _enrolment(world: World, ada: Person) -> Coroutine[object, object, object]:
    caller = world.caller(ada)
    ada.secret = world.do(world.services.factors.begin_totp(caller)).secret
    return world.services.factors.confirm_totp(caller, world.code(ada))


def _change(world: World, ada: Person) -> Coroutine[object, object, object]:
    caller = Caller.of(world.log_in(ada), BROWSER)
    return world.services.accounts.change_password(caller, ada.password, NEW)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (_recovery, Kind.SECOND),
        (_enrolment, Kind.SECOND),
        (_change, Kind.PASSWORD),
    ],
)
def test_the_other_ways_give_the_try_back(world: World, act: Act, kind: Kind) -> None:
    """A recovery code, a new factor's first code, the password before a change."""
    ada = world.enrolled("ada")
    work = act(world, ada)
    before = counted(world, kind)
    hashing = world.services.core.hashing

    async def no_room_after_the_first() -> None:
        # What is hashed to look at the old password still finds room.
        task = asyncio.ensure_future(work)
        if act is _change:
            while not hashing.running:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0)
        hashing.limit = 0
        with pytest.raises(BusyError):
            await task

    world.do(no_room_after_the_first())

    assert before == counted(world, kind)
