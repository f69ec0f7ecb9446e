"""Sessions and API keys: one's own and everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from auth_agent.authz.permissions import Permission
from auth_agent.authz.rules import AUTHENTICATED, PUBLIC
from auth_agent.callers import Caller
from auth_agent.errors import NotFoundError
from auth_agent.services import KeyInfo, SessionInfo
from auth_agent.web.actions.base import Action, Given, Runtime
from auth_agent.web.actions.fields import Id, Limit, Line, Offset, Text, Token
from auth_agent.web.actions.users import Nothing, UserId

Lines = Annotated[tuple[Line, ...], Meta(max_length=64)]


class Page(Given, frozen=True, kw_only=True):
    """A page of a list."""

    limit: Limit = 100
    offset: Offset = 0


class SessionId(Given, frozen=True, kw_only=True):
    """Which login."""

    id: Id


class SessionName(Given, frozen=True, kw_only=True):
    """A name for a login."""

    id: Id
    name: Text


class NewKey(Given, frozen=True, kw_only=True):
    """What a new key is called and may do."""

    name: Line
    scopes: Lines = ()
    days: Annotated[int, Meta(ge=1, le=365)] | None = None
    networks: Lines = ()
    paths: Lines = ()


class KeyId(Given, frozen=True, kw_only=True):
    """Which key."""

    id: Id


class LeakedKey(Given, frozen=True, kw_only=True):
    """A key that was found somewhere, whole."""

    key: Token


@dataclass(frozen=True)
class KeyShown:
    """A key and its text, which is shown once."""

    info: KeyInfo
    key: str


@dataclass(frozen=True)
class Ended:
    """How many were ended."""

    ended: int


@dataclass(frozen=True)
class Thanks:
    """The same answer to every report."""

    received: bool = True


async def own(
    runtime: Runtime, caller: Caller, _given: Nothing
) -> tuple[SessionInfo, ...]:
    """Look at one's own logins."""
    return runtime.services.sessions.list_for(_own_id(caller))


async def name(runtime: Runtime, caller: Caller, given: SessionName) -> None:
    """Name one of one's own logins."""
    await runtime.services.sessions.name(caller, given.id, given.name)


async def end_own(runtime: Runtime, caller: Caller, given: SessionId) -> None:
    """End one of one's own logins."""
    mine = runtime.services.sessions.list_for(_own_id(caller))
    if given.id not in {session.id for session in mine}:
        raise NotFoundError(kind="session")
    await runtime.services.sessions.revoke(caller, given.id)


async def end_others(runtime: Runtime, caller: Caller, _given: Nothing) -> Ended:
    """End one's other logins."""
    return Ended(await runtime.services.sessions.revoke_others(caller))


async def every(
    runtime: Runtime, _caller: Caller, given: Page
) -> tuple[SessionInfo, ...]:
    """Look at everybody's logins."""
    return runtime.services.sessions.list_all(limit=given.limit, offset=given.offset)


async def end_any(runtime: Runtime, caller: Caller, given: SessionId) -> None:
    """End anybody's login."""
    await runtime.services.sessions.revoke(caller, given.id)


async def end_all_of(runtime: Runtime, caller: Caller, given: UserId) -> Ended:
    """End every login of an account."""
    return Ended(await runtime.services.sessions.revoke_all(caller, given.id))


async def own_keys(
    runtime: Runtime, caller: Caller, _given: Nothing
) -> tuple[KeyInfo, ...]:
    """Look at one's own keys."""
    return runtime.services.keys.list_for(_own_id(caller))


async def create_key(runtime: Runtime, caller: Caller, given: NewKey) -> KeyShown:
    """Make a key."""
    info, text = await runtime.services.keys.create(
        caller,
        name=given.name,
        scopes=given.scopes,
        days=given.days,
        networks=given.networks,
        paths=given.paths,
    )
    return KeyShown(info, text)


async def rotate_key(runtime: Runtime, caller: Caller, given: KeyId) -> KeyShown:
    """Give one's own key a new text."""
    info, text = await runtime.services.keys.rotate(caller, given.id)
    return KeyShown(info, text)


async def revoke_own_key(runtime: Runtime, caller: Caller, given: KeyId) -> None:
    """End one's own key."""
    await runtime.services.keys.revoke(caller, given.id, anybody=False)


async def all_keys(
    runtime: Runtime, _caller: Caller, given: Page
) -> tuple[KeyInfo, ...]:
    """Look at everybody's keys."""
    return runtime.services.keys.list_all(limit=given.limit, offset=given.offset)


async def revoke_any_key(runtime: Runtime, caller: Caller, given: KeyId) -> None:
    """End anybody's key."""
    await runtime.services.keys.revoke(caller, given.id, anybody=True)


async def report_leak(runtime: Runtime, caller: Caller, given: LeakedKey) -> Thanks:
    """Report a key that was found somewhere; it is revoked at once."""
    await runtime.services.keys.report_leak(given.key, caller.client)
    return Thanks()


def _own_id(caller: Caller) -> str:
    """Return the account that *caller* acts for; a key is no account's pages."""
    if caller.login is None:
        raise NotFoundError(kind="account")
    return caller.login.account.id


_P = Permission

ACTIONS = (
    Action("sessions.own", AUTHENTICATED, own, Nothing, "GET", "/me/sessions"),
    Action(
        "sessions.name",
        AUTHENTICATED,
        name,
        SessionName,
        "PATCH",
        "/me/sessions/{id}",
        done="The session was named.",
    ),
    Action(
        "sessions.end-own",
        AUTHENTICATED,
        end_own,
        SessionId,
        "DELETE",
        "/me/sessions/{id}",
        done="The session was ended.",
    ),
    Action(
        "sessions.end-others",
        AUTHENTICATED,
        end_others,
        Nothing,
        "POST",
        "/me/sessions/end-others",
        done="All other sessions were ended.",
    ),
    Action("sessions.list", _P.SESSIONS_VIEW, every, Page, "GET", "/sessions"),
    Action(
        "sessions.end",
        _P.SESSIONS_REVOKE,
        end_any,
        SessionId,
        "DELETE",
        "/sessions/{id}",
        done="The session was ended.",
    ),
    Action(
        "sessions.end-all",
        _P.SESSIONS_REVOKE,
        end_all_of,
        UserId,
        "POST",
        "/users/{id}/end-sessions",
        done="All sessions of the account were ended.",
    ),
    Action("keys.own", AUTHENTICATED, own_keys, Nothing, "GET", "/me/keys"),
    Action(
        "keys.create",
        _P.API_KEYS_CREATE,
        create_key,
        NewKey,
        "POST",
        "/me/keys",
        sensitive=True,
    ),
    Action(
        "keys.rotate",
        _P.API_KEYS_CREATE,
        rotate_key,
        KeyId,
        "POST",
        "/me/keys/{id}/rotate",
        sensitive=True,
    ),
    Action(
        "keys.revoke-own",
        AUTHENTICATED,
        revoke_own_key,
        KeyId,
        "DELETE",
        "/me/keys/{id}",
        done="The key was revoked.",
    ),
    Action("keys.list", _P.API_KEYS_MANAGE, all_keys, Page, "GET", "/keys"),
    Action(
        "keys.revoke",
        _P.API_KEYS_MANAGE,
        revoke_any_key,
        KeyId,
        "DELETE",
        "/keys/{id}",
        done="The key was revoked.",
    ),
    Action("keys.leaked", PUBLIC, report_leak, LeakedKey, "POST", "/keys/leaked"),
)
"""What is done with sessions and keys."""
