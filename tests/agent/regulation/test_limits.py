"""Every limit, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from auth_agent.callers import Caller, Client
from auth_agent.errors import LoginRefusedError, ThrottledError
from auth_agent.regulation import counters
from auth_agent.regulation.counters import Subject, Try
from auth_agent.regulation.limits import Kind, network_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from auth_agent.storage.store import Transaction

    from tests.agent.conftest import Person, World

MINUTE = 60
HOUR = 60 * MINUTE
BROWSER = Client(ip="192.0.2.1")


def reserve(world: World, subject: Subject) -> Try:
    """Count one try now."""
    now = world.services.core.micros()
    store = world.services.core.store
    return world.do(store.write(lambda tx: counters.reserve(tx, subject, now)))


def left(world: World, subject: Subject, most: int = 2_000) -> int:
    """Return how many tries *subject* has now, by using them up."""
    now = world.services.core.micros()

    def work(tx: Transaction) -> int:
        for count in range(most):
            try:
                counters.reserve(tx, subject, now)
            except ThrottledError:
                return count
        return most

    return world.do(world.services.core.store.write(work))


def known(world: World, person: Person) -> Client:
    """Return the person's browser, which logged in before."""
    world.log_in(person)
    return replace(BROWSER, device=person.device)


@pytest.mark.parametrize(
    ("kind", "window", "tries"),
    [
        (Kind.PASSWORD, 5 * MINUTE, 10),
        (Kind.SECOND, 5 * MINUTE, 5),
        (Kind.RESET, 24 * HOUR, 5),
    ],
)
def test_tries_per_account(world: World, kind: Kind, window: int, tries: int) -> None:
    """So many from all over; not one more before the window has passed; then all."""
    subjects = [Subject(kind, "ada", f"192.0.2.{n}") for n in range(tries + 1)]
    for subject in subjects[:-1]:
        reserve(world, subject)

    with pytest.raises(ThrottledError) as refused:
        reserve(world, subjects[-1])
    assert window == refused.value.retry_after
    world.clock.advance(window - 1)
    with pytest.raises(ThrottledError):
        reserve(world, subjects[-1])
    world.clock.advance(1)
    assert reserve(world, subjects[-1]).rows


@pytest.mark.parametrize(
    ("kind", "tries"), [(Kind.PASSWORD, 10), (Kind.SECOND, 10), (Kind.RESET, 10)]
)
def test_tries_per_network(world: World, kind: Kind, tries: int) -> None:
    """One address has so many tries in five minutes, whatever the account."""
    for number in range(tries):
        reserve(world, Subject(kind, f"user{number}", "192.0.2.1"))

    with pytest.raises(ThrottledError):
        reserve(world, Subject(kind, "another", "192.0.2.1"))
    assert reserve(world, Subject(kind, "another", "192.0.2.2")).rows


def test_second_factor_per_hour_and_day(world: World) -> None:
    """Twenty an hour and fifty a day, however they are spread."""
    taken = 0
    for _ in range(6):
        taken += left(world, Subject(Kind.SECOND, "ada", f"192.0.2.{taken}"))
        world.clock.advance(5 * MINUTE)
    assert 20 == taken

    for _ in range(20):
        world.clock.advance(HOUR / 2)
        taken += left(world, Subject(Kind.SECOND, "ada", f"192.0.2.{taken}"))
    assert 50 == taken

    world.clock.advance(24 * HOUR)
    assert 5 == left(world, Subject(Kind.SECOND, "ada", "192.0.2.255"))


def test_a_thousand_tries_for_everybody(world: World) -> None:
    """The thousand and first in five minutes is refused, whoever asks."""
    now = world.services.core.micros()

    def work(tx: Transaction) -> None:
        for number in range(1_000):
            ip = f"10.0.{number // 250}.{number % 250}"
            counters.reserve(tx, Subject(Kind.PASSWORD, f"u{number}", ip), now)

    world.do(world.services.core.store.write(work))

    with pytest.raises(ThrottledError):
        reserve(world, Subject(Kind.PASSWORD, "ada", "192.0.2.1"))


def test_a_known_browser_passes_everybody_elses_limits(world: World) -> None:
    """With the account's, network's and global limits used up it still has tries."""
    ada = world.person("ada")
    mine = known(world, ada)
    now = world.services.core.micros()

    def exhaust(tx: Transaction) -> None:
        for bucket in (
            f"password:account:{ada.id}",
            "password:network:192.0.2.1",
            "password:all",
        ):
            for _ in range(1_000):
                tx.execute(
                    "INSERT INTO tries (bucket, micros) VALUES (?, ?)", (bucket, now)
                )

    world.do(world.services.core.store.write(exhaust))

    with pytest.raises(ThrottledError):
        world.start(ada)
    assert world.start(ada, mine).token


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_networks(ip: str, network: str) -> None:
    """An IPv4 address counts alone, an IPv6 address with its /64."""
    assert network == network_of(ip)


def test_limits_survive_a_restart(world: World) -> None:
    """What was tried before a restart still counts after it."""
    for number in range(10):
        reserve(world, Subject(Kind.PASSWORD, "ada", f"192.0.2.{number}"))
    world.restart()

    with pytest.raises(ThrottledError):
        reserve(world, Subject(Kind.PASSWORD, "ada", "192.0.2.99"))


def test_a_success_gives_the_try_back(world: World) -> None:
    """Twenty people behind one address can log in within five minutes."""
    people = [world.person(f"user{number}") for number in range(20)]

    opened = [world.log_in(person) for person in people]

    assert 20 == len({login.id for login in opened})


def test_fifty_parallel_tries_pass_no_limit(world: World) -> None:
    """Of fifty wrong passwords at once ten are looked at; five failures lock."""
    ada = world.person("ada")

    async def storm() -> list[object]:
        return await asyncio.gather(
            *(
                world.services.login.start(
                    ada.name, f"wrong {number}", Client(ip=f"192.0.2.{number}")
                )
                for number in range(50)
            ),
            return_exceptions=True,
        )

    results = world.do(storm())

    kinds = [type(result).__name__ for result in results]
    assert 40 == kinds.count("ThrottledError")
    assert 10 == kinds.count("LoginRefusedError")
    assert 10 == world.events().count("login.failure")
    assert 1 == world.events().count("login.lockout")
    assert 5 == world.services.bans.list()[0].failures


def test_a_right_password_among_fifty_wrong_is_refused(world: World) -> None:
    """A guess that is right but comes behind five failures opens nothing."""
    ada = world.person("ada")

    async def storm() -> list[object]:
        guesses = [f"wrong {number}" for number in range(9)] + [ada.password]
        return await asyncio.gather(
            *(
                world.services.login.start(ada.name, guess, Client(ip=f"192.0.2.{at}"))
                for at, guess in enumerate(guesses)
            ),
            return_exceptions=True,
        )

    results = world.do(storm())

    assert all(isinstance(result, LoginRefusedError) for result in results)


def test_fifty_parallel_codes_pass_no_limit(world: World) -> None:
    """Of fifty codes at once five are looked at, whatever the transaction."""
    ada = world.enrolled("ada")
    waiting = [
        world.start(ada, Client(ip=f"192.0.2.{number}")).transaction
        for number in range(5)
    ]

    async def storm() -> list[object]:
        return await asyncio.gather(
            *(
                world.services.login.totp(
                    waiting[number % 5], "000000", Client(ip=f"198.51.100.{number}")
                )
                for number in range(50)
            ),
            return_exceptions=True,
        )

    results = world.do(storm())

    assert 45 == sum(isinstance(result, ThrottledError) for result in results)
    assert 5 == world.events().count("totp.fail")


def test_floods_are_summed_up(world: World) -> None:
    """Of a minute's throttled tries there is one record, and one with the count."""
    ada = world.person("ada")
    for _ in range(30):
        with pytest.raises((ThrottledError, LoginRefusedError)):
            world.guess(ada)
    world.clock.advance(61)
    world.do(world.services.system.tick())

    found = [one for one in world.records() if one["event"] == "login.throttled"]
    assert 2 == len(found)
    assert 19 == found[1]["details"]["more"]


def test_mailed_resets_are_limited(world: World) -> None:
    """Five mails a day for an account; nobody is told whether there is one."""
    ada = world.person("ada")
    for number in range(5):
        client = Client(ip=f"192.0.2.{number}")
        world.do(world.services.accounts.request_reset(ada.name, client))
        world.do(world.services.accounts.request_reset("nobody", client))

    for name in (ada.name, "nobody"):
        with pytest.raises(ThrottledError):
            world.do(
                world.services.accounts.request_reset(name, Client(ip="192.0.2.9"))
            )
    assert {"ada@example.com"} == {to for to, _ in world.mails}
    assert 5 == len(world.mails)


def test_lifting_a_limit_lets_in_again(world: World) -> None:
    """An administrator sees a network's full limit and lifts it."""
    for number in range(10):
        with pytest.raises(LoginRefusedError):
            world.do(world.services.login.start(f"nobody{number}", "x", BROWSER))
    ada = world.person("ada")
    ban = world.services.bans.list()[0]
    world.do(world.services.bans.lift(Caller.cli(), ban.key))

    assert ("limit", "password", "192.0.2.1") == (ban.kind, ban.factor, ban.subject)
    assert world.start(ada).token


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(gaps=st.lists(st.integers(0, 120), min_size=5, max_size=40))
def test_no_window_ever_holds_more_than_its_limit(
    world: World, gaps: list[int]
) -> None:
    """However tries are spread, no five minutes hold more than ten."""
    world.clock.advance(HOUR)
    account = f"account at {world.clock.seconds}"
    passed: list[float] = []
    for at, gap in enumerate(gaps):
        world.clock.advance(gap)
        try:
            reserve(world, Subject(Kind.PASSWORD, account, f"10.1.{at}.1"))
        except ThrottledError:
            continue
        passed.append(world.clock.seconds)

    for start in passed:
        within = [one for one in passed if start <= one < start + 5 * MINUTE]
        assert len(within) <= 10
