"""An action: its name, who may do it, what it is given and what it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.authz.policy import Policy
from auth_agent.authz.rules import AUTHENTICATED, PUBLIC
from auth_agent.callers import Caller
from auth_agent.config.model import Config
from auth_agent.errors import AgentError, DeniedError, OwingError, StepUpRequiredError
from auth_agent.services import Services
from auth_agent.web.gate import Gate

ON_HOST = "on-host"
"""In place of a permission: only for the command line on the host."""


class LoginRequiredError(AgentError):
    """Nobody is known who could be asked for a permission (401)."""

    def __init__(self) -> None:
        super().__init__("sign in first", fix="sign in, or send an API key")


class Given(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an action is given; unknown fields are refused."""


@dataclass
class Runtime:
    """What the process works with; *config* and the gate's policy may be renewed."""

    services: Services
    config: Config
    gate: Gate
    config_path: Path
    secret: bytes = field(repr=False)

    @property
    def origin(self) -> str:
        """The scheme and host of the login host."""
        server, login = self.config.server, self.config.login
        if server.insecure_loopback:
            return f"http://{login.host}:{server.listen.rpartition(':')[2]}"
        return f"https://{login.host}"

    @property
    def base_path(self) -> str:
        """The path below which the pages lie, without a final slash."""
        return self.config.login.path.rstrip("/")

    @property
    def base_url(self) -> str:
        """The address of the pages, without a final slash."""
        return self.origin + self.base_path

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.gate.policy


@dataclass(frozen=True)
class Principal:
    """A caller with the permissions that count now."""

    caller: Caller
    permissions: frozenset[str]

    @property
    def on_host(self) -> bool:
        """Whether this is the command line, which may do everything."""
        return self.caller.actor.kind == ActorKind.CLI

    def may(self, access: str) -> bool:
        """Whether *access*, a permission or its stand-in, is given."""
        if access in {PUBLIC, AUTHENTICATED} or self.on_host:
            return True
        return access != ON_HOST and access in self.permissions


Run = Callable[..., Awaitable[object]]


@dataclass(frozen=True)
class Action:
    """One thing that can be done.

    *run* takes the runtime, the caller and *given*. *access* is a permission,
    `public`, `authenticated` or `on-host`. *method* and *path* place it in the JSON
    API; without them it is for the command line only. *duty* names what a login may
    owe and do by this. *sensitive* asks for an authentication of the last minutes,
    which a key never has.
    """

    name: str
    access: str
    run: Run
    given: type[Given]
    method: str = ""
    path: str = ""
    summary: str = ""
    done: str = "Done."
    duty: str = ""
    sensitive: bool = False
    streams: bool = False


async def perform(
    runtime: Runtime, principal: Principal, action: Action, given: Given
) -> object:
    """Do *action* if *principal* may, and return what it returns.

    Raises:
        LoginRequiredError, OwingError, DeniedError, StepUpRequiredError: it may not;
            the last two are recorded, also when the action itself denies it.
        AgentError: as the action.
    """
    check(runtime, principal, action.access, duty=action.duty, action=action.name)
    login = principal.caller.login
    if action.sensitive and not principal.on_host:
        if login is None:
            reason = "key_cannot_step_up"
            _note(runtime, principal, action.name, reason)
            raise DeniedError(reason, "an API key cannot do this")
        if not runtime.services.sessions.stepped_up(login):
            runtime.services.audit.note(
                Event.ACCESS_STEP_UP_REQUIRED,
                Outcome.DENIED,
                principal.caller,
                reason="step_up",
                key=f"{principal.caller.actor.id}:{action.name}",
                action=action.name,
            )
            raise StepUpRequiredError
    try:
        return await action.run(runtime, principal.caller, given)
    except DeniedError as error:
        _note(runtime, principal, action.name, error.reason)
        raise


def check(
    runtime: Runtime, principal: Principal, access: str, *, duty: str, action: str
) -> None:
    """Return if *principal* has *access*; see `perform` for what is raised."""
    if access == PUBLIC:
        return
    caller = principal.caller
    if caller.actor.kind == ActorKind.SYSTEM:
        raise LoginRequiredError
    if caller.login is not None and caller.login.owes not in {"", duty}:
        raise OwingError(caller.login.owes)
    if not principal.may(access):
        _note(runtime, principal, action, "permission", permission=access)
        reason = "permission"
        raise DeniedError(reason, f"this needs the permission {access}")


def _note(
    runtime: Runtime, principal: Principal, action: str, reason: str, **more: str
) -> None:
    runtime.services.audit.note(
        Event.ACCESS_DENIED,
        Outcome.DENIED,
        principal.caller,
        reason=reason,
        key=f"{principal.caller.actor.id}:{action}",
        action=action,
        **more,
    )
