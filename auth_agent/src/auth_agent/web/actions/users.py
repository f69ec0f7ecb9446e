"""Accounts, invitations, roles and locks: what administrators do with others."""

from __future__ import annotations

from dataclasses import dataclass

from auth_agent.authz.permissions import Permission
from auth_agent.callers import Caller
from auth_agent.errors import ConflictError
from auth_agent.services import Ban, Link, UserInfo
from auth_agent.web.actions.base import ON_HOST, Action, Given, Runtime
from auth_agent.web.actions.fields import Id, Limit, Line, Offset, Text


class Nothing(Given, frozen=True, kw_only=True):
    """No fields."""


class UserId(Given, frozen=True, kw_only=True):
    """Which account."""

    id: Id


class UserName(Given, frozen=True, kw_only=True):
    """An account by its name or address."""

    name: Line


class Search(Given, frozen=True, kw_only=True):
    """A page of a list."""

    search: Text = ""
    limit: Limit = 100
    offset: Offset = 0


class Invitation(Given, frozen=True, kw_only=True):
    """Whom to invite."""

    name: Line
    display_name: Line
    email: Line
    role: Line = "viewer"


class ShownName(Given, frozen=True, kw_only=True):
    """A new shown name of an account."""

    id: Id
    display_name: Line


class RoleOf(Given, frozen=True, kw_only=True):
    """A new role of an account."""

    id: Id
    role: Line


class BanKey(Given, frozen=True, kw_only=True):
    """Which lock or limit."""

    key: Line


@dataclass(frozen=True)
class Users:
    """A page of accounts, and how many there are in all."""

    users: tuple[UserInfo, ...]
    total: int


@dataclass(frozen=True)
class Invited:
    """A new account, and the link's address to hand over; shown once."""

    user: UserInfo
    url: str
    expires: int


@dataclass(frozen=True)
class LinkShown:
    """A link's address to hand over; shown once."""

    url: str
    expires: int
    sent: bool


def link_url(runtime: Runtime, purpose: str, link: Link) -> str:
    """Return the address that somebody opens to use *link*."""
    return f"{runtime.base_url}/link/{purpose}/{link.token}"


def _shown(runtime: Runtime, purpose: str, link: Link) -> LinkShown:
    return LinkShown(link_url(runtime, purpose, link), link.expires, link.sent)


async def list_users(runtime: Runtime, _caller: Caller, given: Search) -> Users:
    """Look at accounts."""
    accounts = runtime.services.accounts
    found = accounts.list(search=given.search, limit=given.limit, offset=given.offset)
    return Users(found, accounts.count(search=given.search))


async def get_user(runtime: Runtime, _caller: Caller, given: UserId) -> UserInfo:
    """Look at one account."""
    return runtime.services.accounts.get(given.id)


async def find_user(runtime: Runtime, _caller: Caller, given: UserName) -> UserInfo:
    """Find an account by its name or address."""
    return runtime.services.accounts.find(given.name)


async def first_admin(runtime: Runtime, caller: Caller, _given: Nothing) -> LinkShown:
    """Mint the link that makes the first administrator."""
    link = await runtime.services.accounts.first_admin_link(caller)
    return _shown(runtime, "first-admin", link)


async def invite(runtime: Runtime, caller: Caller, given: Invitation) -> Invited:
    """Invite somebody."""
    user, link = await runtime.services.accounts.invite(
        caller,
        name=given.name,
        display_name=given.display_name,
        email=given.email,
        role=given.role,
    )
    return Invited(user, link_url(runtime, "invite", link), link.expires)


async def invite_again(runtime: Runtime, caller: Caller, given: UserId) -> LinkShown:
    """Make a new invitation link; the old one is dead."""
    link = await runtime.services.accounts.invite_again(caller, given.id)
    return _shown(runtime, "invite", link)


async def withdraw(runtime: Runtime, caller: Caller, given: UserId) -> None:
    """Withdraw an invitation that was not accepted yet."""
    user = runtime.services.accounts.get(given.id)
    if user.has_password or user.last_login:
        message = "this invitation was accepted"
        raise ConflictError(message, fix="disable or delete the account instead")
    await runtime.services.accounts.delete(caller, given.id)


async def update(runtime: Runtime, caller: Caller, given: ShownName) -> None:
    """Change an account's shown name."""
    await runtime.services.accounts.update(
        caller, given.id, display_name=given.display_name
    )


async def set_role(runtime: Runtime, caller: Caller, given: RoleOf) -> None:
    """Change an account's role."""
    await runtime.services.accounts.set_role(caller, given.id, given.role)


async def disable(runtime: Runtime, caller: Caller, given: UserId) -> None:
    """Let an account in no more."""
    await runtime.services.accounts.disable(caller, given.id)


async def enable(runtime: Runtime, caller: Caller, given: UserId) -> None:
    """Let an account in again."""
    await runtime.services.accounts.enable(caller, given.id)


async def delete(runtime: Runtime, caller: Caller, given: UserId) -> None:
    """Remove an account with all that is its own."""
    await runtime.services.accounts.delete(caller, given.id)


async def reset(runtime: Runtime, caller: Caller, given: UserId) -> LinkShown:
    """Make a link to set a new password; second factors stay."""
    link = await runtime.services.accounts.reset(caller, given.id)
    return _shown(runtime, "reset", link)


async def recover(runtime: Runtime, caller: Caller, given: UserId) -> LinkShown:
    """As reset, and take the second factors off."""
    link = await runtime.services.accounts.recover(caller, given.id)
    return _shown(runtime, "reset", link)


async def unlock(runtime: Runtime, caller: Caller, given: UserId) -> None:
    """End every lock and limit of an account."""
    await runtime.services.bans.unlock(caller, given.id)


async def list_bans(
    runtime: Runtime, _caller: Caller, _given: Nothing
) -> tuple[Ban, ...]:
    """Look at what keeps somebody out now."""
    return runtime.services.bans.list()


async def lift(runtime: Runtime, caller: Caller, given: BanKey) -> None:
    """End one lock or limit."""
    await runtime.services.bans.lift(caller, given.key)


_P = Permission

ACTIONS = (
    Action("users.list", _P.USERS_VIEW, list_users, Search, "GET", "/users"),
    Action("users.get", _P.USERS_VIEW, get_user, UserId, "GET", "/users/{id}"),
    Action("users.find", _P.USERS_VIEW, find_user, UserName, "GET", "/find-user"),
    Action("users.first-admin", ON_HOST, first_admin, Nothing),
    Action(
        "users.invite",
        _P.INVITES_MANAGE,
        invite,
        Invitation,
        "POST",
        "/invitations",
        sensitive=True,
    ),
    Action(
        "users.invite-again",
        _P.INVITES_MANAGE,
        invite_again,
        UserId,
        "POST",
        "/invitations/{id}",
        sensitive=True,
    ),
    Action(
        "users.withdraw",
        _P.INVITES_MANAGE,
        withdraw,
        UserId,
        "DELETE",
        "/invitations/{id}",
        done="The invitation was withdrawn.",
    ),
    Action(
        "users.update",
        _P.USERS_MANAGE,
        update,
        ShownName,
        "PATCH",
        "/users/{id}",
        done="The name was changed.",
    ),
    Action(
        "users.role",
        _P.ROLES_ASSIGN,
        set_role,
        RoleOf,
        "PUT",
        "/users/{id}/role",
        done="The role was changed; it is effective at once.",
        sensitive=True,
    ),
    Action(
        "users.disable",
        _P.USERS_MANAGE,
        disable,
        UserId,
        "POST",
        "/users/{id}/disable",
        done="The account was disabled and its sessions ended.",
    ),
    Action(
        "users.enable",
        _P.USERS_MANAGE,
        enable,
        UserId,
        "POST",
        "/users/{id}/enable",
        done="The account was enabled.",
        sensitive=True,
    ),
    Action(
        "users.delete",
        _P.USERS_MANAGE,
        delete,
        UserId,
        "DELETE",
        "/users/{id}",
        done="The account was deleted.",
        sensitive=True,
    ),
    Action(
        "users.reset",
        _P.USERS_MANAGE,
        reset,
        UserId,
        "POST",
        "/users/{id}/reset",
        sensitive=True,
    ),
    Action(
        "users.recover",
        _P.USERS_MANAGE,
        recover,
        UserId,
        "POST",
        "/users/{id}/recover",
        sensitive=True,
    ),
    Action(
        "bans.unlock",
        _P.BANS_MANAGE,
        unlock,
        UserId,
        "POST",
        "/users/{id}/unlock",
        done="The account was unlocked.",
    ),
    Action("bans.list", _P.BANS_MANAGE, list_bans, Nothing, "GET", "/bans"),
    Action(
        "bans.lift",
        _P.BANS_MANAGE,
        lift,
        BanKey,
        "POST",
        "/bans/lift",
        done="It was lifted.",
    ),
)
"""What is done with accounts."""
