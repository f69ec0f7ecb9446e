"""Who asks, and from where: what every action is told, and every record keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.record import SYSTEM, Actor, Origin, Record
from auth_agent.sessions.model import HASH_PREFIX, Login

_MAX_AGENT = 256
_MAX_ID = 64


@dataclass(frozen=True)
class Client:
    """The other end of a request, as the trusted proxy reports it.

    *device* is the value of the device cookie: it says which accounts were logged
    in to from this browser before.
    """

    ip: str = ""
    user_agent: str = ""
    request_id: str = ""
    host: str = ""
    device: str = field(default="", repr=False)

    def origin(self, session: bytes = b"") -> Origin:
        """Return what records keep of this; *session* is the session's hash."""
        return Origin(
            ip=_plain(self.ip, _MAX_ID),
            user_agent=_plain(self.user_agent, _MAX_AGENT),
            session=session.hex()[:HASH_PREFIX],
            request_id=_plain(self.request_id, _MAX_ID),
            host=_plain(self.host, _MAX_AGENT),
        )


NOWHERE = Client()


@dataclass(frozen=True)
class Caller:
    """Somebody known: an account with its login, the command line, the agent."""

    actor: Actor
    client: Client = NOWHERE
    login: Login | None = None

    @classmethod
    def of(cls, login: Login, client: Client) -> Caller:
        """Return the caller that *login* stands for."""
        account = login.account
        actor = Actor(ActorKind.USER, account.id, account.name)
        return cls(actor, client, login)

    @classmethod
    def anonymous(cls, client: Client) -> Caller:
        """Return a browser that nobody has logged in from."""
        return cls(Actor(ActorKind.USER), client)

    @classmethod
    def cli(cls, name: str = "root") -> Caller:
        """Return the operator on the host."""
        return cls(Actor(ActorKind.CLI, name=name))

    @classmethod
    def system(cls) -> Caller:
        """Return the agent itself."""
        return cls(SYSTEM)

    @property
    def origin(self) -> Origin:
        """What records keep of where this came from."""
        return self.client.origin(self.login.hash if self.login else b"")

    def did(
        self,
        event: Event,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        target: tuple[str, str] = ("", ""),
        reason: str = "",
        **details: str | int | bool,
    ) -> Record:
        """Return the record that this caller did *event*."""
        return Record(
            event,
            outcome,
            self.actor,
            self.origin,
            target_kind=target[0],
            target_id=target[1],
            reason=reason,
            details=details,
        )


def _plain(text: str, limit: int) -> str:
    """Return *text* without what commands a terminal or turns the writing around.

    No longer than *limit*; it is read back on terminals, in mails and on pages.
    """
    return "".join(char if char.isprintable() else "?" for char in text[:limit])
