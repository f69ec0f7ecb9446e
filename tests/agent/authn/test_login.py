"""The login as a state machine: each way through it, and none beside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from auth_agent.callers import Caller, Client
from auth_agent.errors import LoginExpiredError, LoginRefusedError, OwingError
from auth_agent.sessions.model import Owes

if TYPE_CHECKING:
    from tests.agent.conftest import World

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1")


def test_a_password_alone_opens_a_login(world: World) -> None:
    """A viewer without second factor is in after the right password."""
    ada = world.person("ada")

    opened = world.log_in_step(ada)

    login = opened.login_or_fail()
    assert ada.id == login.account.id
    assert Owes.NOTHING == login.owes
    assert login is world.services.sessions.resolve_login(opened.step.token)


@pytest.mark.parametrize(
    "typed", ["ADA", " ada ", "\uff41\uff44\uff41", "ada@example.com"]
)
def test_every_spelling_of_a_name_is_the_account(world: World, typed: str) -> None:
    """Capitals, blanks, wide letters and the address all mean the same account."""
    ada = world.person("ada")

    step = world.do(world.services.login.start(typed, ada.password, BROWSER))

    assert step.login is not None
    assert ada.id == step.login.account.id


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("ada", ""),
        ("nobody", "velvet tramp owl sock"),
        ("", ""),
        ("ada\0", "velvet tramp owl sock"),
        ("ada' OR 1=1 --", "x"),
        ("ada", "\ud800"),
        ("\ud800", "x"),
        ("ada", "x" * 5000),
        ("x" * 5000, "x"),
        ("%", "velvet tramp owl sock"),
    ],
)
def test_anything_wrong_has_the_same_answer(
    world: World, name: str, password: str
) -> None:
    """Unknown names, wrong, empty, absurd input: one error that tells nothing."""
    world.person("ada")

    with pytest.raises(LoginRefusedError) as refused:
        world.do(world.services.login.start(name, password, BROWSER))

    assert LoginRefusedError().message == refused.value.message
    assert not world.services.sessions.live.by_id


def test_an_unknown_name_costs_the_same_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that nobody has is hashed against once, too, with the same factors."""
    ada = world.person("ada")
    calls: list[str] = []
    hasher = world.services.core.hashing._hasher  # noqa: SLF001 - what is measured
    verify = type(hasher).verify

    def counted(_: object, stored: str, password: str) -> bool:
        calls.append(stored)
        return verify(hasher, stored, password)

    monkeypatch.setattr(type(hasher), "verify", counted)
    work = []
    for name in (ada.name, "nobody"):
        with pytest.raises(LoginRefusedError):
            world.do(world.services.login.start(name, "wrong", BROWSER))
        work.append([one.rpartition("$")[0].rpartition("$")[0] for one in calls])
        calls.clear()

    [known], [unknown] = work
    assert "$argon2id$v=19$m=64,t=1,p=1" == known == unknown


def test_an_unknown_name_makes_the_same_writes(world: World) -> None:
    """A name that nobody has leaves as many rows as one that somebody has."""
    world.person("ada")

    def rows() -> int:
        reader = world.services.core.store.read
        return len(reader(lambda r: r.all("SELECT * FROM tries"))) + len(
            reader(lambda r: r.all("SELECT * FROM failures"))
        )

    counts = []
    for name in ("ada", "nobody"):
        before = rows()
        with pytest.raises(LoginRefusedError):
            world.do(
                world.services.login.start(
                    name, "wrong", Client(ip=f"192.0.2.{len(name)}")
                )
            )
        counts.append(rows() - before)

    assert counts[0] == counts[1]


def test_what_was_typed_as_a_name_is_not_recorded(world: World) -> None:
    """People type passwords into the name field; the log has none of it."""
    with pytest.raises(LoginRefusedError):
        world.do(world.services.login.start("my secret passw0rd", "x", BROWSER))

    world.records()
    text = b"".join(p.read_bytes() for p in world.services.log.folder.iterdir())
    assert b"passw0rd" not in text
    assert "no_such_account" == world.last("login.failure")["reason"]


def test_a_disabled_account_is_answered_alike(world: World) -> None:
    """The right password of a disabled account has the usual answer."""
    ada = world.person("ada")
    world.do(world.services.accounts.disable(Caller.cli(), ada.id))

    with pytest.raises(LoginRefusedError):
        world.start(ada)

    assert "disabled" == world.last("login.failure")["reason"]


def test_with_a_second_factor_the_password_opens_nothing(world: World) -> None:
    """After the password there is a transaction, and no login."""
    ada = world.enrolled("ada")

    step = world.start(ada)

    assert step.transaction
    assert "" == step.token
    assert not world.services.sessions.live.by_id
    assert world.services.sessions.resolve_login(step.transaction) is None


def test_a_transaction_is_good_once(world: World) -> None:
    """The cookie of a finished login begins nothing."""
    ada = world.enrolled("ada")
    step = world.start(ada)
    world.do(world.services.login.totp(step.transaction, world.code(ada), BROWSER))
    world.clock.advance(60)

    with pytest.raises(LoginExpiredError):
        world.do(world.services.login.totp(step.transaction, world.code(ada), BROWSER))


def test_a_transaction_ends_after_five_minutes(world: World) -> None:
    """A second factor that comes too late begins anew."""
    ada = world.enrolled("ada")
    step = world.start(ada)
    world.clock.advance(300)

    with pytest.raises(LoginExpiredError):
        world.do(world.services.login.totp(step.transaction, world.code(ada), BROWSER))


@pytest.mark.parametrize(
    "code",
    ["", " ", "000000", "12345", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16"],
)
def test_no_input_but_the_code_advances(world: World, code: str) -> None:
    """Empty, short and wrong codes are refused and leave the login where it was."""
    ada = world.enrolled("ada")
    step = world.start(ada)

    with pytest.raises(LoginRefusedError):
        world.do(world.services.login.totp(step.transaction, code, BROWSER))

    done = world.do(
        world.services.login.totp(step.transaction, world.code(ada), BROWSER)
    )
    assert done.token


def test_a_transaction_survives_a_restart(world: World) -> None:
    """The state machine stands in the store, not in memory."""
    ada = world.enrolled("ada")
    step = world.start(ada)
    world.restart()

    done = world.do(
        world.services.login.totp(step.transaction, world.code(ada), BROWSER)
    )

    assert done.token


def test_an_admin_without_second_factor_must_enrol_first(world: World) -> None:
    """Such a login can do nothing but enrol; no site, no session list, no keys."""
    ada = world.person("ada", "admin")
    login = world.log_in(ada)
    caller = Caller.of(login, BROWSER)

    assert Owes.ENROL == login.owes
    with pytest.raises(OwingError):
        world.services.sessions.issue_code(login, "app.example.com", b"")
    with pytest.raises(OwingError):
        world.do(world.services.keys.create(caller, name="k", scopes=["app.view"]))
    with pytest.raises(OwingError):
        world.do(world.services.sessions.revoke_others(caller))
    with pytest.raises(OwingError):
        world.do(world.services.accounts.set_role(caller, ada.id, "viewer"))

    world.enrol(ada, login)
    assert Owes.NOTHING == login.owes


def test_each_login_has_a_new_token(world: World) -> None:
    """Two logins of one browser share no token."""
    ada = world.person("ada")

    first, second = world.log_in_step(ada), world.log_in_step(ada)

    assert first.step.token != second.step.token


def test_a_known_browser_gets_no_second_cookie(world: World) -> None:
    """The device cookie comes with the first login, and `login.new_device` with it."""
    ada = world.person("ada")
    first = world.log_in_step(ada).step
    second = world.log_in_step(ada, replace(BROWSER, device=first.device)).step

    assert first.device
    assert "" == second.device
    assert 1 == world.events().count("login.new_device")


def test_a_planted_device_cookie_does_not_count(world: World) -> None:
    """A cookie that an attacker knows is replaced when the victim logs in with it."""
    eve, ada = world.person("eve"), world.person("ada")
    planted = world.log_in_step(eve).step.device

    fresh = world.log_in_step(ada, replace(BROWSER, device=planted)).step.device

    known = world.services.core.store.read(
        lambda r: r.all("SELECT hash FROM devices WHERE user_id = ?", (ada.id,))
    )
    assert fresh
    assert planted != fresh
    assert 1 == len(known)


def test_reprs_tell_no_secret(world: World) -> None:
    """No token stands in what a traceback or a log line would show."""
    ada = world.enrolled("ada")
    step = world.start(ada)
    opened = world.log_in_step(ada).step

    shown = repr(step) + repr(opened) + repr(replace(BROWSER, device=opened.device))

    for secret in (step.transaction, opened.token, opened.device):
        assert secret not in shown
