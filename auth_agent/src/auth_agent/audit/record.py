"""What one audit record says, before it gets its place in the chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth_agent.audit.events import ActorKind, Event, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Actor:
    """Who did it; *id* and *name* are empty when nobody is known."""

    kind: ActorKind
    id: str = ""
    name: str = ""


SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True)
class Origin:
    """Where a request came from; all empty for the agent's own doings."""

    ip: str = ""
    user_agent: str = ""
    session: str = ""
    request_id: str = ""
    host: str = ""


@dataclass(frozen=True)
class Record:
    """One event. Never holds a password, code, token, key or cookie.

    *session* of the origin is a prefix of the session's hash. *details* holds
    text, numbers and truth values only.
    """

    event: Event
    outcome: Outcome
    actor: Actor
    origin: Origin = Origin()
    target_kind: str = ""
    target_id: str = ""
    reason: str = ""
    details: Mapping[str, str | int | bool] = field(default_factory=dict)
