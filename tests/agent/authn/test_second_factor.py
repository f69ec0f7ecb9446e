"""Codes of the app and recovery codes: right once, and never again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from auth_agent.callers import Caller, Client
from auth_agent.errors import (
    ConflictError,
    DeniedError,
    LoginExpiredError,
    LoginRefusedError,
    StepUpRequiredError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.agent.conftest import World

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1")


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_step_to_either_side_is_taken(world: World, steps: int) -> None:
    """The code of the step before, of now and of the next one are right."""
    ada = world.enrolled("ada")
    world.clock.advance(300)
    step = world.start(ada)

    done = world.do(
        world.services.login.totp(
            step.transaction, world.code(ada, steps=steps), BROWSER
        )
    )

    assert done.token


@pytest.mark.parametrize("steps", [-2, 2])
def test_two_steps_away_is_refused(world: World, steps: int) -> None:
    """A code of more than a step away is wrong."""
    ada = world.enrolled("ada")
    world.clock.advance(300)
    step = world.start(ada)

    with pytest.raises(LoginRefusedError):
        world.do(
            world.services.login.totp(
                step.transaction, world.code(ada, steps=steps), BROWSER
            )
        )


def test_replayed_code_is_refused(world: World) -> None:
    """A code that was taken once is refused within the same window, and recorded."""
    ada = world.enrolled("ada")
    code = world.code(ada)
    world.log_in(ada)
    step = world.start(ada)

    with pytest.raises(LoginRefusedError):
        world.do(world.services.login.totp(step.transaction, code, BROWSER))

    assert "failure" == world.last("totp.replay")["outcome"]


def test_an_older_code_is_refused_after_a_newer(world: World) -> None:
    """Codes only go forward: the one of the step before is dead after this one's."""
    ada = world.enrolled("ada")
    world.clock.advance(300)
    world.log_in(ada)
    step = world.start(ada)

    with pytest.raises(LoginRefusedError):
        world.do(
            world.services.login.totp(
                step.transaction, world.code(ada, steps=-1), BROWSER
            )
        )


def test_parallel_logins_share_no_code(world: World) -> None:
    """Of many logins with one code at once exactly one is let in."""
    ada = world.enrolled("ada")
    waiting = [world.start(ada).transaction for _ in range(5)]
    code = world.code(ada)

    async def all_at_once() -> list[object]:
        return await asyncio.gather(
            *(world.services.login.totp(one, code, BROWSER) for one in waiting),
            return_exceptions=True,
        )

    results = world.do(all_at_once())

    assert 1 == sum(not isinstance(result, Exception) for result in results)
    assert 1 == len(world.services.sessions.live.by_id)


def test_parallel_logins_share_no_recovery_code(world: World) -> None:
    """Of many logins with one recovery code at once exactly one is let in."""
    ada = world.enrolled("ada")
    waiting = [world.start(ada).transaction for _ in range(4)]

    async def all_at_once() -> list[object]:
        login = world.services.login
        return await asyncio.gather(
            *(login.recovery(one, ada.codes[0], BROWSER) for one in waiting),
            return_exceptions=True,
        )

    results = world.do(all_at_once())

    assert 1 == sum(not isinstance(result, Exception) for result in results)
    assert 3 == sum(isinstance(result, LoginRefusedError) for result in results)
    assert 9 == world.services.accounts.get(ada.id).recovery_left


def test_the_code_that_confirmed_is_used_up(world: World) -> None:
    """The first code of an enrolment opens no login."""
    ada = world.person("ada", "admin")
    login = world.log_in(ada)
    world.enrol(ada, login)
    step = world.start(ada)

    with pytest.raises(LoginRefusedError):
        world.do(world.services.login.totp(step.transaction, world.code(ada), BROWSER))


def test_a_recovery_code_is_good_once(world: World) -> None:
    """It logs in, is used up, and says how many are left."""
    ada = world.enrolled("ada")
    step = world.start(ada)
    done = world.do(
        world.services.login.recovery(step.transaction, ada.codes[0].upper(), BROWSER)
    )
    again = world.start(ada)

    assert done.login is not None
    assert "password,recovery" == done.login.methods
    assert 9 == world.last("recovery.use")["details"]["left"]
    with pytest.raises(LoginRefusedError):
        world.do(
            world.services.login.recovery(again.transaction, ada.codes[0], BROWSER)
        )


def test_recovery_codes_are_ten_of_80_bits(world: World) -> None:
    """Ten different codes of 16 base32 digits, none of which stands in the store."""
    ada = world.enrolled("ada")

    plain = {code.replace("-", "") for code in ada.codes}

    assert 10 == len(plain)
    assert {16} == {len(code) for code in plain}
    stored = world.services.core.store.read(
        lambda r: r.all("SELECT hash FROM recovery_codes")
    )
    assert 10 == len(stored)
    assert not {code.encode() for code in plain} & {row[0] for row in stored}


@pytest.mark.parametrize("code", ["", "-", "aaaa-bbbb-cccc-dddd", "a" * 500, "\0"])
def test_no_other_recovery_code_is_taken(world: World, code: str) -> None:
    """Empty, made-up and absurd codes are refused and recorded."""
    ada = world.enrolled("ada")
    step = world.start(ada)

    with pytest.raises(LoginRefusedError):
        world.do(world.services.login.recovery(step.transaction, code, BROWSER))

    assert "recovery.fail" in world.events()


def test_new_recovery_codes_kill_the_old(world: World) -> None:
    """After new ones are made the old ones open nothing."""
    ada = world.enrolled("ada")
    caller = world.caller(ada)
    fresh = world.do(world.services.factors.new_recovery_codes(caller))
    step = world.start(ada)

    with pytest.raises(LoginRefusedError):
        world.do(world.services.login.recovery(step.transaction, ada.codes[0], BROWSER))
    done = world.do(world.services.login.recovery(step.transaction, fresh[0], BROWSER))
    assert done.token


def test_the_secret_is_sealed_at_rest(world: World) -> None:
    """Neither the secret nor its bytes stand in any file of the state folder."""
    ada = world.enrolled("ada")
    state = world.services.core.config.server.state

    from pathlib import Path  # noqa: PLC0415 - only here

    data = b"".join(path.read_bytes() for path in Path(state).iterdir())
    assert ada.secret.encode() not in data


def test_a_sealed_secret_opens_in_no_other_row(world: World) -> None:
    """A row copied to another account's does not let its owner in there."""
    ada, eve = world.enrolled("ada"), world.enrolled("eve")
    world.do(
        world.services.core.store.write(
            lambda tx: tx.execute(
                "UPDATE totp SET sealed = (SELECT sealed FROM totp WHERE user_id = ?)"
                " WHERE user_id = ?",
                (eve.id, ada.id),
            )
        )
    )
    step = world.start(ada)

    with pytest.raises(Exception, match="does not open"):
        world.do(world.services.login.totp(step.transaction, world.code(eve), BROWSER))


def test_rotation_keeps_every_secret(world: World) -> None:
    """After the keys were rotated, and after a restart, the codes are still right."""
    ada = world.enrolled("ada")
    count = world.do(world.services.system.rotate_secrets(Caller.cli()))
    world.log_in(ada)
    world.restart()
    world.clock.advance(60)
    world.log_in(ada)

    assert 1 == count


def test_an_admin_cannot_take_the_factor_off(world: World) -> None:
    """Where the role must have a second factor it stays."""
    caller = world.caller(world.enrolled("ada"))

    with pytest.raises(DeniedError):
        world.do(world.services.factors.remove_totp(caller))


def test_a_viewer_may_take_the_factor_off(world: World) -> None:
    """Its codes go with it, and its other logins end."""
    ada = world.enrolled("ada", "viewer")
    other = world.log_in(ada)
    world.clock.advance(60)
    caller = world.caller(ada)

    world.do(world.services.factors.remove_totp(caller))

    info = world.services.accounts.get(ada.id)
    assert not info.has_totp
    assert 0 == info.recovery_left
    assert other.id not in world.services.sessions.live.by_id
    with pytest.raises(ConflictError):
        world.do(world.services.factors.new_recovery_codes(caller))


def test_an_unconfirmed_secret_ends(world: World) -> None:
    """After ten minutes the secret on the screen can be confirmed no more."""
    ada = world.person("ada")
    login = world.log_in(ada)
    caller = Caller.of(login, BROWSER)
    ada.secret = world.do(world.services.factors.begin_totp(caller)).secret
    world.clock.advance(600)
    world.do(world.services.login.step_up(login, ada.password, "", BROWSER))

    with pytest.raises(LoginExpiredError):
        world.do(world.services.factors.confirm_totp(caller, world.code(ada)))


def test_enrolment_needs_step_up(world: World) -> None:
    """A login of more than five minutes ago enrols nothing, and that is recorded."""
    login = world.log_in(world.person("ada"))
    world.clock.advance(300)

    with pytest.raises(StepUpRequiredError):
        world.do(world.services.factors.begin_totp(Caller.of(login, BROWSER)))

    assert "access.step_up_required" in world.events()


def test_step_up_gives_a_new_token(world: World) -> None:
    """Authenticating anew replaces the token; the old one opens nothing."""
    ada = world.enrolled("ada")
    opened = world.log_in_step(ada)
    login = opened.login_or_fail()
    world.clock.advance(301)
    was = world.services.sessions.stepped_up(login)

    step = world.do(
        world.services.login.step_up(login, ada.password, world.code(ada), BROWSER)
    )

    sessions = world.services.sessions
    assert not was
    assert sessions.stepped_up(login)
    assert sessions.resolve_login(opened.step.token) is None
    assert login is sessions.resolve_login(step.token)


@pytest.mark.parametrize("wrong", ["password", "code", "no_code"])
def test_step_up_wants_all_factors(world: World, wrong: str) -> None:
    """A wrong password or code steps nothing up."""
    ada = world.enrolled("ada")
    login = world.log_in(ada)
    world.clock.advance(301)
    password = "wrong" if wrong == "password" else ada.password
    code = {"code": "000000", "no_code": ""}.get(wrong, world.code(ada))

    with pytest.raises(LoginRefusedError):
        world.do(world.services.login.step_up(login, password, code, BROWSER))

    assert not world.services.sessions.stepped_up(login)


def test_a_device_cookie_is_no_factor(world: World) -> None:
    """A known browser is still asked for the second factor."""
    ada = world.enrolled("ada")
    world.log_in(ada)

    step = world.start(ada, replace(BROWSER, device=ada.device))

    assert step.transaction


def test_one_transaction_opens_one_login(world: World) -> None:
    """Two right recovery codes at once open one login, and one of them stays good."""
    ada = world.enrolled("ada")
    step = world.start(ada)

    async def both() -> Sequence[object]:
        login = world.services.login
        return await asyncio.gather(
            login.recovery(step.transaction, ada.codes[0], BROWSER),
            login.recovery(step.transaction, ada.codes[1], BROWSER),
            return_exceptions=True,
        )

    results = world.do(both())

    assert 1 == sum(isinstance(result, LoginExpiredError) for result in results)
    assert 1 == len(world.services.sessions.live.by_id)
    assert 9 == world.services.accounts.get(ada.id).recovery_left
