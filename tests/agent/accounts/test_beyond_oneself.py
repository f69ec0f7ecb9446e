"""Whoever looks after accounts hands out no more than they have themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from auth_agent.callers import Caller
from auth_agent.errors import ConflictError, DeniedError

from tests.agent.conftest import PASSWORD, World, make_config

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from auth_agent.config.model import Config

HELPER = frozenset({"users.manage", "invites.manage", "roles.assign", "app.view"})
CLI = Caller.cli()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return a configuration with a role that looks after accounts."""
    return msgspec.structs.replace(
        make_config(tmp_path), roles={"helper": tuple(sorted(HELPER))}
    )


@pytest.fixture
def helper(world: World) -> Caller:
    """Return such a helper, freshly logged in; there are two administrators."""
    world.enrolled("boss")
    world.enrolled("deputy")
    return world.caller(world.person("helper", "helper"))


def _invite(world: World, caller: Caller, role: str) -> str:
    user, _ = world.do(
        world.services.accounts.invite(
            caller, name="new", display_name="New", email="", role=role
        )
    )
    return user.id


@pytest.mark.parametrize("role", ["admin", "editor", "viewer"])
def test_nobody_invites_a_stronger_one(world: World, helper: Caller, role: str) -> None:
    """Of the built-in roles each may something that this helper may not."""
    with pytest.raises(DeniedError):
        _invite(world, helper, role)

    assert 3 == world.services.accounts.count()


@pytest.mark.parametrize("what", ["promote oneself", "demote", "reset", "recover"])
def test_nobody_gets_at_a_stronger_one(world: World, helper: Caller, what: str) -> None:
    """A role or a password of an administrator's would be a way to be one."""
    accounts = world.services.accounts
    boss = accounts.find("boss").id
    ways: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "promote oneself": lambda: accounts.set_role(helper, helper.actor.id, "admin"),
        "demote": lambda: accounts.set_role(helper, boss, "helper"),
        "reset": lambda: accounts.reset(helper, boss),
        "recover": lambda: accounts.recover(helper, boss),
    }

    with pytest.raises(DeniedError):
        world.do(ways[what]())

    assert ("admin", True, True) == (
        accounts.get(boss).role,
        accounts.get(boss).has_password,
        accounts.get(boss).has_totp,
    )


def test_nobody_renews_a_stronger_ones_invitation(world: World, helper: Caller) -> None:
    """The link of an administrator who has not come yet makes one."""
    waiting = _invite(world, CLI, "admin")

    with pytest.raises(DeniedError):
        world.do(world.services.accounts.invite_again(helper, waiting))


def test_equals_are_looked_after(world: World, helper: Caller) -> None:
    """An invitation, a reset and a role within one's own permissions go through."""
    accounts = world.services.accounts
    new = _invite(world, helper, "helper")
    link = world.do(accounts.invite_again(helper, new))
    world.do(accounts.accept_invite(link.token, PASSWORD, helper.client))

    assert world.do(accounts.reset(helper, new)).token
    world.do(accounts.set_role(helper, new, "helper"))


def test_an_account_that_waits_for_its_reset_is_not_invited(world: World) -> None:
    """It has a history, and a link of 10 minutes, which no other one replaces."""
    ada = world.person("ada")
    world.log_in(ada)
    link = world.do(world.services.accounts.reset(CLI, ada.id))

    with pytest.raises(ConflictError):
        world.do(world.services.accounts.invite_again(CLI, ada.id))
    world.do(world.services.accounts.finish_reset(link.token, PASSWORD, CLI.client))
