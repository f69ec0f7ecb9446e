"""What a step of the login ends with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth_agent.accounts.duties import owed
from auth_agent.accounts.notices import WORTH_TELLING, Notice, tell
from auth_agent.audit.events import ActorKind, Event
from auth_agent.audit.record import Actor
from auth_agent.authn import devices
from auth_agent.callers import Caller
from auth_agent.errors import LoginRefusedError
from auth_agent.regulation import counters
from auth_agent.sessions import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from auth_agent.accounts.rows import User
    from auth_agent.callers import Client
    from auth_agent.core import Core
    from auth_agent.sessions.model import Login
    from auth_agent.sessions.rows import NewLogin, Rekeyed
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Transaction


@dataclass(frozen=True)
class LoginStep:
    """What came of a step of the login.

    Either *transaction* is set: a cookie for 5 minutes, and a second factor is
    wanted (`methods` says which: `totp`, `recovery`). Or *token* is set: the login's
    cookie at the login host; *device*, when not empty, is a new device cookie.
    """

    transaction: str = field(default="", repr=False)
    methods: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    device: str = field(default="", repr=False)
    login: Login | None = None


@dataclass(frozen=True)
class Done:
    """A login that was opened, and the browser's new device cookie."""

    new: NewLogin
    device: str = field(repr=False)


def caller_of(user: User, client: Client) -> Caller:
    """Return the caller that *user* is, before there is a login."""
    return Caller(Actor(ActorKind.USER, user.id, user.name), client)


async def rekey(
    core: Core,
    sessions: SessionService,
    work: Callable[[Transaction], Rekeyed | None],
) -> LoginStep:
    """Return the login with the new token that transaction *work* gave it.

    Raises:
        LoginRefusedError: it gave none.
    """
    live = sessions.live
    done = await core.store.write(
        work, lambda result: live.rekeyed(result) if result else None
    )
    if done is None:
        raise LoginRefusedError
    return LoginStep(token=done.token, login=live.by_id.get(done.id))


def finish(  # noqa: PLR0913 - all that a login begins with
    tx: Transaction,
    core: Core,
    user: User,
    methods: str,
    client: Client,
    *,
    failures: int,
) -> Done:
    """Open the login, all factors having been right.

    *failures* is how many the login's own steps ended.
    """
    caller, now = caller_of(user, client), core.micros()
    settings = core.config.login
    device = devices.greet(tx, user.id, client.device, now)
    duty = owed(core, tx, user)
    terms = rows.Terms(
        methods, duty, now, settings.absolute * 1_000_000, settings.per_account
    )
    new = rows.open_login(tx, user, terms, caller)
    failures += counters.recent(tx, user.id, user.last_login)
    if failures >= WORTH_TELLING:
        tell(tx, core, user, Notice.FAILURES, caller, count=failures)
    tx.execute("UPDATE users SET last_login = ? WHERE id = ?", (now, user.id))
    tx.record(
        caller.did(
            Event.LOGIN_SUCCESS, target=("login", new.id), methods=methods, owes=duty
        )
    )
    if device:
        tx.record(caller.did(Event.LOGIN_NEW_DEVICE, target=("user", user.id)))
        if user.last_login:  # to a new account every browser is new
            tell(tx, core, user, Notice.NEW_DEVICE, caller)
    return Done(new, device)
