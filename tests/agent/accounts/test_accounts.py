"""Accounts come and go by links; the last administrator stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from auth_agent.accounts import names
from auth_agent.callers import Caller, Client
from auth_agent.errors import (
    AgentError,
    ConflictError,
    DeniedError,
    InvalidInputError,
    LastAdminError,
    LinkRefusedError,
    LoginRefusedError,
    NotFoundError,
    PasswordRefusedError,
)
from auth_agent.sessions.model import Owes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from auth_agent.services import UserInfo
    from auth_agent.storage.store import Reader, Row

    from tests.agent.conftest import World

BROWSER = Client(ip="192.0.2.1")
GOOD = "velvet tramp owl sock"
CLI = Caller.cli()


def first_admin(world: World, token: str, name: str = "boss") -> UserInfo:
    """Use a first administrator's link."""
    return world.do(
        world.services.accounts.first_admin(
            token, name=name, display_name="", email="", password=GOOD, client=BROWSER
        )
    )


def test_the_first_administrator_comes_by_a_link(world: World) -> None:
    """The command line's link makes one, who must enrol a second factor first."""
    link = world.do(world.services.accounts.first_admin_link(CLI))
    user = first_admin(world, link.token)
    login = world.do(world.services.login.start("boss", GOOD, BROWSER)).login

    assert "admin" == user.role
    assert login is not None
    assert Owes.ENROL == login.owes


def test_the_first_link_is_good_for_fifteen_minutes(world: World) -> None:
    """A second after it is dead."""
    link = world.do(world.services.accounts.first_admin_link(CLI))
    world.clock.advance(900)

    with pytest.raises(LinkRefusedError):
        first_admin(world, link.token)


def test_the_first_link_is_dead_once_there_is_an_administrator(world: World) -> None:
    """Nor is another one made, nor does the used one work again."""
    link = world.do(world.services.accounts.first_admin_link(CLI))
    world.person("boss", "admin")

    with pytest.raises(LinkRefusedError):
        first_admin(world, link.token, "second")
    with pytest.raises(ConflictError):
        world.do(world.services.accounts.first_admin_link(CLI))


def test_parallel_uses_make_one_administrator(world: World) -> None:
    """Of ten at once with one link one is made."""
    link = world.do(world.services.accounts.first_admin_link(CLI))

    async def storm() -> list[object]:
        return await asyncio.gather(
            *(
                world.services.accounts.first_admin(
                    link.token,
                    name=f"boss{number}",
                    display_name="",
                    email="",
                    password=GOOD,
                    client=BROWSER,
                )
                for number in range(10)
            ),
            return_exceptions=True,
        )

    results = world.do(storm())

    assert 9 == sum(isinstance(result, LinkRefusedError) for result in results)
    assert 1 == world.services.accounts.count()


def test_only_the_host_makes_the_first_link(world: World) -> None:
    """Nobody who is logged in, and nobody who is not, gets one."""
    with pytest.raises(DeniedError):
        world.do(world.services.accounts.first_admin_link(Caller.anonymous(BROWSER)))


def test_an_invitation_is_good_once_for_a_day(world: World) -> None:
    """It sets the first password; a used, replaced or old one does nothing."""
    user, link = world.do(
        world.services.accounts.invite(
            CLI, name="ada", display_name="Ada", email="", role="viewer"
        )
    )
    again = world.do(world.services.accounts.invite_again(CLI, user.id))
    with pytest.raises(LinkRefusedError):
        world.do(world.services.accounts.accept_invite(link.token, GOOD, BROWSER))
    assert ("invite", user) == world.services.accounts.link_owner(again.token)
    world.do(world.services.accounts.accept_invite(again.token, GOOD, BROWSER))

    with pytest.raises(LinkRefusedError):
        world.do(world.services.accounts.accept_invite(again.token, GOOD, BROWSER))
    with pytest.raises(ConflictError):
        world.do(world.services.accounts.invite_again(CLI, user.id))


def test_an_old_invitation_is_refused(world: World) -> None:
    """After 24 hours it is dead, and the try is recorded."""
    _, link = world.do(
        world.services.accounts.invite(
            CLI, name="ada", display_name="Ada", email="", role="viewer"
        )
    )
    world.clock.advance(86_400)

    with pytest.raises(LinkRefusedError):
        world.do(world.services.accounts.accept_invite(link.token, GOOD, BROWSER))

    assert "failure" == world.last("user.invite_accept")["outcome"]


def test_a_refused_password_leaves_the_link_good(world: World) -> None:
    """Who chose a bad one may try again with the same link."""
    _, link = world.do(
        world.services.accounts.invite(
            CLI, name="ada", display_name="Ada", email="", role="viewer"
        )
    )
    with pytest.raises(PasswordRefusedError):
        world.do(world.services.accounts.accept_invite(link.token, "short", BROWSER))

    world.do(world.services.accounts.accept_invite(link.token, GOOD, BROWSER))


def test_an_account_without_password_cannot_log_in(world: World) -> None:
    """An invited account has no password that would be right, the empty one least."""
    world.do(
        world.services.accounts.invite(
            CLI, name="ada", display_name="Ada", email="", role="viewer"
        )
    )
    for password in ("", "no account has this password", GOOD):
        with pytest.raises(LoginRefusedError):
            world.do(world.services.login.start("ada", password, BROWSER))


def test_a_reset_kills_the_password_and_keeps_the_factor(world: World) -> None:
    """The link sets a new one within ten minutes; the code is still asked for."""
    world.person("boss", "admin")
    ada = world.enrolled("ada")
    login = world.log_in(ada)
    link = world.do(world.services.accounts.reset(CLI, ada.id))
    assert login.id not in world.services.sessions.live.by_id
    with pytest.raises(LoginRefusedError):
        world.start(ada)
    world.do(world.services.accounts.finish_reset(link.token, GOOD + "s", BROWSER))

    step = world.start(ada, password=GOOD + "s")

    assert step.transaction
    assert "password.reset_done" in world.events()


def test_a_reset_link_is_good_for_ten_minutes(world: World) -> None:
    """After that it is refused, and recorded."""
    ada = world.person("ada")
    link = world.do(world.services.accounts.reset(CLI, ada.id))
    world.clock.advance(600)

    with pytest.raises(LinkRefusedError):
        world.do(world.services.accounts.finish_reset(link.token, GOOD, BROWSER))

    assert "bad_link" == world.last("password.reset_fail")["reason"]


def test_recovery_takes_the_factors_off(world: World) -> None:
    """Who lost everything sets a new password, and an administrator enrols anew."""
    ada = world.enrolled("ada")
    link = world.do(world.services.accounts.recover(CLI, ada.id))
    world.do(world.services.accounts.finish_reset(link.token, GOOD, BROWSER))

    login = world.log_in(ada)

    assert Owes.ENROL == login.owes
    assert "recovered" == world.last("totp.remove")["reason"]


def rows(sql: str) -> Callable[[Reader], list[Row]]:
    """Return what reads all rows of *sql*."""
    return lambda reader: reader.all(sql)


LAST_ADMIN = ["demote", "disable", "delete", "reset", "recover"]


@pytest.mark.parametrize("what", LAST_ADMIN)
def test_the_last_administrator_stays(world: World, what: str) -> None:
    """Nobody demotes, disables, deletes or locks out the last one who can act."""
    boss = world.enrolled("boss")
    caller = world.caller(boss)
    accounts = world.services.accounts
    world.do(
        accounts.invite(caller, name="new", display_name="", email="", role="admin")
    )
    actions: dict[str, Callable[[], Coroutine[object, object, object]]] = {
        "demote": lambda: accounts.set_role(caller, boss.id, "viewer"),
        "disable": lambda: accounts.disable(caller, boss.id),
        "delete": lambda: accounts.delete(caller, boss.id),
        "reset": lambda: accounts.reset(caller, boss.id),
        "recover": lambda: accounts.recover(caller, boss.id),
    }

    with pytest.raises(LastAdminError):
        world.do(actions[what]())

    world.clock.advance(60)
    assert boss.id == world.log_in(boss).account.id
    assert "admin" == accounts.get(boss.id).role


def test_two_administrators_cannot_remove_each_other_at_once(world: World) -> None:
    """Of two demotions at the same time one is refused."""
    ada, boss = world.enrolled("ada"), world.enrolled("boss")
    callers = {one.id: world.caller(one) for one in (ada, boss)}
    accounts = world.services.accounts

    async def both() -> Sequence[object]:
        return await asyncio.gather(
            accounts.set_role(callers[ada.id], boss.id, "viewer"),
            accounts.set_role(callers[boss.id], ada.id, "viewer"),
            return_exceptions=True,
        )

    results = world.do(both())

    assert 1 == sum(isinstance(result, LastAdminError) for result in results)


@pytest.mark.parametrize("what", ["disable", "delete"])
def test_nobody_removes_themselves(world: World, what: str) -> None:
    """One's own account is disabled or deleted by somebody else."""
    world.person("boss", "admin")
    ada = world.enrolled("ada")
    caller = world.caller(ada)

    with pytest.raises(DeniedError):
        world.do(getattr(world.services.accounts, what)(caller, ada.id))


def test_a_deleted_account_leaves_nothing(world: World) -> None:
    """Logins, keys, factors, codes and browsers go with it."""
    world.person("boss", "admin")
    ada = world.enrolled("ada", "editor")
    caller = world.caller(ada)
    world.do(world.services.keys.create(caller, name="k", scopes=["app.view"]))
    world.do(world.services.accounts.delete(CLI, ada.id))

    read = world.services.core.store.read
    for sql in (
        "SELECT id FROM logins",
        "SELECT id FROM api_keys",
        "SELECT user_id FROM totp",
        "SELECT user_id FROM recovery_codes",
        "SELECT user_id FROM devices",
    ):
        assert [] == read(rows(sql)), sql
    with pytest.raises(NotFoundError):
        world.services.accounts.get(ada.id)


def test_an_enabled_account_is_let_in_again(world: World) -> None:
    """Disabling is undone by enabling; keys wake up with it."""
    ada = world.person("ada")
    world.do(world.services.accounts.disable(CLI, ada.id))
    world.do(world.services.accounts.enable(CLI, ada.id))

    assert world.start(ada).token


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a b"),
        ("name", "a" * 65),
        ("name", "-a"),
        ("name", "adä"),
        ("email", "a@b@example.com"),
        ("email", "a@example"),
        ("email", "a\r\n@example.com"),
        ("display_name", "a\u202eb"),
        ("display_name", "x" * 81),
        ("role", "root"),
    ],
)
def test_fields_are_checked(world: World, field: str, value: str) -> None:
    """A field that cannot be taken is named; no account is made."""
    fields = {"name": "ada", "display_name": "Ada", "email": "", "role": "viewer"}

    with pytest.raises(InvalidInputError) as refused:
        world.do(world.services.accounts.invite(CLI, **(fields | {field: value})))

    assert field == refused.value.field
    assert 0 == world.services.accounts.count()


@pytest.mark.parametrize(
    ("name", "email"),
    [("ADA", ""), ("eve", "Ada@Example.com"), ("eve", "ada@example.com")],
)
def test_names_and_addresses_are_unique_in_any_spelling(
    world: World, name: str, email: str
) -> None:
    """No second account looks like the first or shares its address."""
    world.person("ada")

    with pytest.raises(ConflictError):
        world.do(
            world.services.accounts.invite(
                CLI, name=name, display_name="", email=email, role="viewer"
            )
        )


def test_accounts_are_listed_and_searched(world: World) -> None:
    """By the beginning of name or address; signs of patterns mean themselves."""
    for name in ("ada", "adele", "bob"):
        world.person(name)
    accounts = world.services.accounts

    assert ["ada", "adele"] == [one.name for one in accounts.list(search="AD")]
    assert ["bob"] == [one.name for one in accounts.list(limit=1, offset=2)]
    assert 3 == accounts.count()
    assert () == accounts.list(search="%")
    assert () == accounts.list(search="_da")
    assert ["bob"] == [one.name for one in accounts.list(search="bob@")]
    with pytest.raises(NotFoundError):
        accounts.find("carol")


def test_a_changed_address_is_the_accounts(world: World) -> None:
    """It logs in with the new one; another's is refused."""
    ada, eve = world.person("ada"), world.person("eve")
    accounts = world.services.accounts
    world.do(accounts.change_email(CLI, ada.id, "new@example.com"))

    assert "new@example.com" == accounts.get(ada.id).email
    with pytest.raises(ConflictError):
        world.do(accounts.change_email(CLI, eve.id, "NEW@example.com"))


@pytest.mark.parametrize(
    "address",
    ["@", "a@", "@b.de", "a b@c.de", "a@b..de", "a@-b.de", '"a"@b.de', "a@[1.2.3.4]"],
)
def test_what_is_no_address(address: str) -> None:
    """Half addresses, quoted ones and literals are refused, not mended."""
    with pytest.raises(AgentError):
        names.canonical_email(address)
