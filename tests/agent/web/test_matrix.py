"""Every role against every action, page and rule; nothing is open by omission."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from auth_agent.authz.permissions import ROLE_PERMISSIONS, Permission, Role
from auth_agent.authz.presets import load_preset
from auth_agent.authz.rules import AUTHENTICATED, PUBLIC
from auth_agent.callers import Caller
from auth_agent.errors import DeniedError, OwingError
from auth_agent.sessions.model import Account, Login
from auth_agent.web.actions.base import (
    ON_HOST,
    Action,
    LoginRequiredError,
    Principal,
    Runtime,
    check,
)
from auth_agent.web.actions.registry import ACTIONS, PENDING

NAMES = sorted(ACTIONS)
RUNTIME = cast(
    "Runtime",
    SimpleNamespace(
        services=SimpleNamespace(audit=SimpleNamespace(note=lambda *_, **__: None))
    ),
)


def _principal(permissions: frozenset[str], owes: str = "") -> Principal:
    account = Account("u", "ada", "Ada", "a@example.com", "x", permissions)
    login = Login(
        id="l",
        hash=b"",
        account=account,
        deadline=1.0,
        seen=0.0,
        stepped_up=0.0,
        methods="",
        owes=owes,
        headers=[],
    )
    caller = Caller.of(login, Caller.system().client)
    return Principal(caller, permissions)


def _check(principal: Principal, action: Action) -> None:
    check(RUNTIME, principal, action.access, duty=action.duty, action=action.name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("role", sorted(Role))
def test_a_role_may_exactly_what_the_table_says(name: str, role: Role) -> None:
    """Role x permission x action: allowed if the role has it, else refused."""
    action = ACTIONS[name]
    granted = frozenset(map(str, ROLE_PERMISSIONS[role]))
    open_to_all = action.access in {PUBLIC, AUTHENTICATED}

    if open_to_all or action.access in granted:
        _check(_principal(granted), action)
    else:
        with pytest.raises(DeniedError):
            _check(_principal(granted), action)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_known_may_nothing(name: str) -> None:
    """Anonymous requests are refused everywhere but at what is named public."""
    action = ACTIONS[name]
    nobody = Principal(Caller.system(), frozenset())

    if action.access == PUBLIC:
        assert name == "keys.leaked"
    else:
        with pytest.raises(LoginRequiredError):
            _check(nobody, action)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("owes", ["change-password", "enrol"])
def test_a_login_that_owes_does_only_its_duty(name: str, owes: str) -> None:
    """Even an administrator's login does nothing else first."""
    action = ACTIONS[name]
    admin = frozenset(map(str, ROLE_PERMISSIONS[Role.ADMIN]))

    if action.access == PUBLIC or action.duty == owes:
        _check(_principal(admin, owes), action)
    else:
        with pytest.raises(OwingError):
            _check(_principal(admin, owes), action)


def test_every_permission_is_asked_for_somewhere() -> None:
    """29 permissions: each by an action or a rule of the default policy."""
    asked = {action.access for action in ACTIONS.values()}
    asked |= set(load_preset("app").rules)

    assert set(Permission) - PENDING == asked & set(Permission)
    assert {Permission.PROVIDERS_MANAGE} == PENDING


def test_every_action_asks_for_something_known() -> None:
    """No action names a permission that does not exist, or none."""
    known = {*Permission, PUBLIC, AUTHENTICATED, ON_HOST}

    assert {action.access for action in ACTIONS.values()} <= known


def test_actions_of_the_host_have_no_route() -> None:
    """What only the operator may do cannot be reached over HTTP at all."""
    on_host = {name for name in NAMES if ACTIONS[name].access == ON_HOST}

    assert on_host == {name for name in NAMES if not ACTIONS[name].path}


def test_the_table_has_its_sizes() -> None:
    """29 permissions; admin 29, editor 16, viewer 5; each within the next."""
    sizes = [len(ROLE_PERMISSIONS[role]) for role in Role]

    assert [29, 16, 5] == sizes
    assert ROLE_PERMISSIONS[Role.VIEWER] < ROLE_PERMISSIONS[Role.EDITOR]
    assert ROLE_PERMISSIONS[Role.EDITOR] < ROLE_PERMISSIONS[Role.ADMIN]
