"""Fifty tries at once pass no limit, whichever it is, and use it up exactly."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from auth_agent.callers import Caller, Client
from auth_agent.errors import ThrottledError
from auth_agent.regulation import gate
from auth_agent.regulation.counters import Subject
from auth_agent.regulation.limits import ACCOUNT, GLOBAL, NETWORK, Kind, Limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auth_agent.storage.store import Transaction

    from tests.agent.conftest import World

TRIES = 50


@dataclass(frozen=True)
class Case:
    """A limit, the bucket it is of, and who tries so that no other limit bites."""

    kind: Kind
    scope: str
    limit: Limit
    number: int

    def subject(self, at: int) -> Subject:
        """Return who makes try *at*."""
        account = f"user{at}" if self.scope != "account" else "ada"
        ip = "192.0.2.1" if self.scope == "network" else f"10.0.{at // 250}.{at % 250}"
        device = b"d" * 32 if self.scope == "device" else b""
        if self.scope == "device":
            account = "ada"
        if self.scope == "known":
            device = at.to_bytes(32, "big")
        return Subject(self.kind, account, ip, device)

    @property
    def bucket(self) -> str:
        """The bucket that the limit is of."""
        places = {"account": 0, "device": 0, "network": 1, "all": 2, "known": 1}
        return self.subject(0).buckets[places[self.scope]][0]


def _cases() -> Iterator[Case]:
    tables = {
        "account": ACCOUNT,
        "device": ACCOUNT,
        "network": NETWORK,
        "all": GLOBAL,
        "known": GLOBAL,
    }
    for scope, table in tables.items():
        for kind in Kind:
            for number, limit in enumerate(table[kind]):
                yield Case(kind, scope, limit, number)


CASES = {f"{one.kind}-{one.scope}-{one.number}": one for one in _cases()}


def fill(world: World, case: Case, room: int) -> None:
    """Have all but *room* tries of the limit used, outside of the shorter ones."""
    now = world.services.core.micros()
    kinds = {"network": NETWORK, "all": GLOBAL, "known": GLOBAL}
    shorter = kinds.get(case.scope, ACCOUNT)[case.kind][: case.number]
    at = now - max((one.micros for one in shorter), default=0)

    def work(tx: Transaction) -> None:
        for _ in range(case.limit.count - room):
            tx.execute(
                "INSERT INTO tries (bucket, micros) VALUES (?, ?)", (case.bucket, at)
            )

    world.do(world.services.core.store.write(work))


@pytest.mark.parametrize("name", sorted(CASES))
def test_fifty_at_once(world: World, name: str) -> None:
    """As many pass as there is room; when the window has passed, others do."""
    case = CASES[name]
    room = min(case.limit.count, 3)
    fill(world, case, room)
    core = world.services.core
    caller = Caller.anonymous(Client())

    async def storm(first: int) -> int:
        results = await asyncio.gather(
            *(
                gate.reserve(core, case.subject(first + at), caller)
                for at in range(TRIES)
            ),
            return_exceptions=True,
        )
        assert all(
            isinstance(one, ThrottledError)
            for one in results
            if isinstance(one, BaseException)
        )
        return sum(not isinstance(one, BaseException) for one in results)

    assert room == world.do(storm(0))
    assert 0 == world.do(storm(0))
    world.clock.advance(case.limit.micros / 1e6)
    assert 0 < world.do(storm(100))
