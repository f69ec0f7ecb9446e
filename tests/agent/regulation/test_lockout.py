"""Five failures in a row lock strangers out, and never the owner's own browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from auth_agent.callers import Caller, Client
from auth_agent.errors import LoginRefusedError, ThrottledError
from auth_agent.regulation import counters, gate
from auth_agent.regulation.counters import Subject
from auth_agent.regulation.limits import Kind

if TYPE_CHECKING:
    from tests.agent.conftest import Person, World

BROWSER = Client(ip="192.0.2.1")


def stranger(number: int = 0) -> Client:
    """Return a browser that nobody logged in from."""
    return Client(ip=f"198.51.100.{number}")


def fail(
    world: World, person: Person, times: int, client: Client | None = None
) -> None:
    """Try so many wrong passwords."""
    for number in range(times):
        with pytest.raises(LoginRefusedError):
            world.guess(person, client or stranger(number))


def test_the_fifth_failure_locks(world: World) -> None:
    """After five the right password has the answer of a wrong one; recorded so."""
    ada = world.person("ada")
    fail(world, ada, 5)

    with pytest.raises(LoginRefusedError):
        world.start(ada, stranger(9))

    assert 1 == world.events().count("login.lockout")
    assert "locked" == world.last("login.failure")["reason"]


def test_a_try_begun_while_locked_counts_no_further(world: World) -> None:
    """Its answer said nothing, also when the lock ends before it is noted."""
    ada = world.person("ada")
    fail(world, ada, 5)
    core = world.services.core
    subject = Subject(Kind.PASSWORD, ada.id, "198.51.100.9")
    tried = world.do(gate.reserve(core, subject, Caller.anonymous(stranger(9))))
    assert tried.locked

    world.clock.advance(901)
    now = core.micros()
    why = core.store.write(lambda tx: counters.failed(tx, tried, now, core.lockout))

    assert "" == world.do(why)
    assert world.start(ada, stranger(9)).token


def test_four_failures_do_not_lock(world: World) -> None:
    """After four the right password is let in, and the count begins anew."""
    ada = world.person("ada")
    for _ in range(3):
        fail(world, ada, 4)
        assert world.start(ada, stranger(9)).token
        world.clock.advance(301)

    assert "login.lockout" not in world.events()


def test_a_lock_ends_after_fifteen_minutes(world: World) -> None:
    """A second earlier it holds; then it is over, and that is recorded."""
    ada = world.person("ada")
    fail(world, ada, 5)
    world.clock.advance(899)
    with pytest.raises(LoginRefusedError):
        world.start(ada, stranger(9))
    world.clock.advance(1)
    world.do(world.services.system.tick())

    assert world.start(ada, stranger(9)).token
    assert "time" == world.last("login.unlock")["reason"]


def test_tries_while_locked_prolong_nothing(world: World) -> None:
    """An attacker who goes on cannot keep the lock up."""
    ada = world.person("ada")
    fail(world, ada, 5)
    world.clock.advance(800)
    fail(world, ada, 3)
    world.clock.advance(100)

    assert world.start(ada, stranger(9)).token


def test_the_owners_browser_is_not_locked_out(world: World) -> None:
    """A browser of an earlier login gets in while strangers are locked."""
    ada = world.person("ada")
    world.log_in(ada)
    mine = replace(BROWSER, device=ada.device)
    fail(world, ada, 5)

    assert world.start(ada, mine).token


def test_a_known_browser_has_its_own_lock(world: World) -> None:
    """Five failures from it lock it, and nobody else."""
    ada = world.person("ada")
    world.log_in(ada)
    mine = replace(BROWSER, device=ada.device)
    fail(world, ada, 5, mine)

    with pytest.raises(LoginRefusedError):
        world.start(ada, mine)
    assert world.start(ada, stranger()).token


def test_a_device_cookie_of_another_account_is_a_stranger(world: World) -> None:
    """A browser known to one account has no counter of its own for another."""
    eve, ada = world.person("eve"), world.person("ada")
    world.log_in(eve)
    fail(world, ada, 5)

    with pytest.raises(LoginRefusedError):
        world.start(ada, replace(stranger(9), device=eve.device))


def test_an_unknown_name_is_locked_alike(world: World) -> None:
    """Names that nobody has go through the same lockout: nothing can be told apart."""
    for number in range(5):
        with pytest.raises(LoginRefusedError):
            world.do(world.services.login.start("nobody", "x", stranger(number)))

    assert 1 == world.events().count("login.lockout")


@pytest.mark.parametrize("who", ["admin", "cli"])
def test_unlock_by_hand(world: World, who: str) -> None:
    """An administrator or the command line ends a lock at once; recorded."""
    ada = world.person("ada")
    fail(world, ada, 5)
    caller = Caller.cli() if who == "cli" else world.caller(world.enrolled("root1"))
    world.do(world.services.bans.unlock(caller, ada.id))

    assert world.start(ada, stranger(9)).token
    assert "unlocked" == world.last("login.unlock")["reason"]


def test_a_lock_survives_a_restart(world: World) -> None:
    """Starting the agent anew lets nobody in."""
    ada = world.person("ada")
    fail(world, ada, 5)
    world.restart()

    with pytest.raises(LoginRefusedError):
        world.start(ada, stranger(9))


def test_a_hundred_failures_disable_the_password(world: World) -> None:
    """Time alone does not undo that; an unlock does. Known browsers go on."""
    ada = world.person("ada")
    world.log_in(ada)
    fail(world, ada, 5)
    for _ in range(95):
        world.clock.advance(3_600)
        fail(world, ada, 1)
    world.clock.advance(100_000_000 / 10)

    with pytest.raises(LoginRefusedError):
        world.start(ada, stranger(9))
    assert world.start(ada, replace(BROWSER, device=ada.device)).token
    assert world.services.bans.list()[0].disabled
    assert "disabled" == world.last("login.lockout")["reason"]
    world.do(world.services.bans.unlock(Caller.cli(), ada.id))
    assert world.start(ada, stranger(9)).token


def test_failures_of_names_that_nobody_has_are_forgotten(world: World) -> None:
    """After a day; those of an account stay, and go on being counted."""
    ada = world.person("ada")
    for name in (ada.name, "nobody"):
        with pytest.raises(LoginRefusedError):
            world.do(world.services.login.start(name, "wrong", BROWSER))

    world.clock.advance(86_401)
    world.do(world.services.bans.sweep())

    rows = world.services.core.store.read(
        lambda reader: reader.all("SELECT bucket FROM failures")
    )
    assert [(f"password:account:{ada.id}",)] == [tuple(row) for row in rows]


def test_second_factor_failures_lock_the_factor(world: World) -> None:
    """Five wrong codes lock the second factor; the right one is refused after."""
    ada = world.enrolled("ada")
    step = world.start(ada, stranger())
    for number in range(5):
        with pytest.raises(LoginRefusedError):
            world.do(
                world.services.login.totp(step.transaction, "000000", stranger(number))
            )
    world.clock.advance(301)
    step = world.start(ada, stranger())

    with pytest.raises(LoginRefusedError):
        world.do(
            world.services.login.totp(step.transaction, world.code(ada), stranger(9))
        )
    assert "second" == world.last("login.lockout")["details"]["factor"]


def test_a_right_password_resets_no_second_factor_count(world: World) -> None:
    """Beginning anew with the password gives no more tries at the code."""
    ada = world.enrolled("ada")
    for number in range(5):
        step = world.start(ada, stranger(number))
        with pytest.raises(LoginRefusedError):
            world.do(
                world.services.login.totp(step.transaction, "000000", stranger(number))
            )
    step = world.start(ada, stranger(9))

    with pytest.raises(ThrottledError):
        world.do(
            world.services.login.totp(step.transaction, world.code(ada), stranger(9))
        )


def test_a_reset_ends_the_lock(world: World) -> None:
    """Who set a new password by a link is let in with it."""
    ada = world.person("ada")
    fail(world, ada, 5)
    link = world.do(world.services.accounts.reset(Caller.cli(), ada.id))
    world.do(
        world.services.accounts.finish_reset(
            link.token, "another tramp owl sock", stranger()
        )
    )

    assert world.start(ada, stranger(9), "another tramp owl sock").token
