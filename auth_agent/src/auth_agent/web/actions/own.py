"""One's own account: name, address, password, factors, step-up, the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from auth_agent.authz.rules import AUTHENTICATED
from auth_agent.callers import Caller
from auth_agent.errors import DeniedError
from auth_agent.services import Enrolment, LoginStep, NoticeInfo, Owes, UserInfo
from auth_agent.sessions.model import Login
from auth_agent.web.actions.base import Action, Given, Runtime
from auth_agent.web.actions.fields import Code, Line, Password
from auth_agent.web.actions.users import Nothing


class NewPassword(Given, frozen=True, kw_only=True):
    """The password now, and the one from now on."""

    current: Password
    new: Password


class NewName(Given, frozen=True, kw_only=True):
    """A new shown name."""

    display_name: Line


class NewEmail(Given, frozen=True, kw_only=True):
    """A new address."""

    email: Line


class OneCode(Given, frozen=True, kw_only=True):
    """A code of the authenticator app."""

    code: Code


class Proof(Given, frozen=True, kw_only=True):
    """Password and, where there is one, a code of the authenticator app."""

    password: Password
    code: Code = ""


@dataclass(frozen=True)
class Me:
    """The account that is logged in, and what it may."""

    user: UserInfo
    permissions: tuple[str, ...]
    stepped_up: bool


@dataclass(frozen=True)
class Renewed:
    """The login goes on under a new token, which goes into the cookie alone."""

    step: LoginStep = field(repr=False)
    recovery_codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Codes:
    """Recovery codes, shown once."""

    recovery_codes: tuple[str, ...]


def login_of(caller: Caller) -> Login:
    """Return the caller's login.

    Raises:
        DeniedError: it is an API key, which is nobody's account.
    """
    if caller.login is None:
        reason = "key_has_no_account"
        raise DeniedError(reason, "an API key cannot do this")
    return caller.login


async def me(runtime: Runtime, caller: Caller, _given: Nothing) -> Me:
    """Look at one's own account."""
    login = login_of(caller)
    user = runtime.services.accounts.get(login.account.id)
    granted = tuple(sorted(login.account.permissions))
    return Me(user, granted, runtime.services.sessions.stepped_up(login))


async def notices(
    runtime: Runtime, caller: Caller, _given: Nothing
) -> tuple[NoticeInfo, ...]:
    """Look at what happened to one's own account."""
    return runtime.services.accounts.notices(login_of(caller).account.id)


async def rename(runtime: Runtime, caller: Caller, given: NewName) -> None:
    """Change one's own shown name."""
    await runtime.services.accounts.update(
        caller, login_of(caller).account.id, display_name=given.display_name
    )


async def change_email(runtime: Runtime, caller: Caller, given: NewEmail) -> None:
    """Change one's own address."""
    await runtime.services.accounts.change_email(
        caller, login_of(caller).account.id, given.email
    )


async def change_password(
    runtime: Runtime, caller: Caller, given: NewPassword
) -> Renewed:
    """Change one's own password; other logins end."""
    login_of(caller)
    step = await runtime.services.accounts.change_password(
        caller, given.current, given.new
    )
    return Renewed(step)


async def begin_totp(runtime: Runtime, caller: Caller, _given: Nothing) -> Enrolment:
    """Get a secret for the authenticator app."""
    login_of(caller)
    return await runtime.services.factors.begin_totp(caller)


async def confirm_totp(runtime: Runtime, caller: Caller, given: OneCode) -> Renewed:
    """Turn the authenticator app on with a right code."""
    login_of(caller)
    step, codes = await runtime.services.factors.confirm_totp(caller, given.code)
    return Renewed(step, codes)


async def remove_totp(runtime: Runtime, caller: Caller, _given: Nothing) -> Renewed:
    """Turn the authenticator app off."""
    login_of(caller)
    return Renewed(await runtime.services.factors.remove_totp(caller))


async def recovery_codes(runtime: Runtime, caller: Caller, _given: Nothing) -> Codes:
    """Get new recovery codes; the old ones are dead."""
    login_of(caller)
    return Codes(await runtime.services.factors.new_recovery_codes(caller))


async def step_up(runtime: Runtime, caller: Caller, given: Proof) -> Renewed:
    """Authenticate anew, for what is sensitive."""
    login = login_of(caller)
    step = await runtime.services.login.step_up(
        login, given.password, given.code, caller.client
    )
    return Renewed(step)


async def logout(runtime: Runtime, caller: Caller, _given: Nothing) -> None:
    """End the login and all its site sessions."""
    await runtime.services.login.logout(login_of(caller), caller.client)


_PASSWORD = Owes.CHANGE_PASSWORD.value
_ENROL = Owes.ENROL.value

ACTIONS = (
    Action("me.get", AUTHENTICATED, me, Nothing, "GET", "/me"),
    Action("me.notices", AUTHENTICATED, notices, Nothing, "GET", "/me/notices"),
    Action(
        "me.rename",
        AUTHENTICATED,
        rename,
        NewName,
        "PATCH",
        "/me",
        done="Your name was changed.",
    ),
    Action(
        "me.email",
        AUTHENTICATED,
        change_email,
        NewEmail,
        "PUT",
        "/me/email",
        done="Your address was changed.",
        sensitive=True,
    ),
    Action(
        "me.password",
        AUTHENTICATED,
        change_password,
        NewPassword,
        "PUT",
        "/me/password",
        done="Your password was changed; your other sessions ended.",
        duty=_PASSWORD,
    ),
    Action(
        "me.totp-begin",
        AUTHENTICATED,
        begin_totp,
        Nothing,
        "POST",
        "/me/totp",
        duty=_ENROL,
    ),
    Action(
        "me.totp-confirm",
        AUTHENTICATED,
        confirm_totp,
        OneCode,
        "POST",
        "/me/totp/confirm",
        duty=_ENROL,
    ),
    Action(
        "me.totp-remove",
        AUTHENTICATED,
        remove_totp,
        Nothing,
        "DELETE",
        "/me/totp",
        done="The authenticator app was turned off.",
        sensitive=True,
    ),
    Action(
        "me.recovery-codes",
        AUTHENTICATED,
        recovery_codes,
        Nothing,
        "POST",
        "/me/recovery-codes",
        sensitive=True,
    ),
    Action(
        "me.step-up",
        AUTHENTICATED,
        step_up,
        Proof,
        "POST",
        "/me/step-up",
        done="Thank you. Please repeat what you wanted to do.",
    ),
    Action("me.logout", AUTHENTICATED, logout, Nothing, "POST", "/me/logout"),
)
"""What one does with one's own account."""
