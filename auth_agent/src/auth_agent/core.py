"""What all services share: store, time, settings, people, notes, counters."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_agent.errors import ClockRefusedError
from auth_agent.regulation.counters import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auth_agent.accounts.hashing import Hashing
    from auth_agent.audit.notes import Notes
    from auth_agent.authn.sealing import Sealing
    from auth_agent.clock import Clock, Timeline
    from auth_agent.config.model import Config
    from auth_agent.metrics import Metrics
    from auth_agent.sessions.people import People
    from auth_agent.storage.store import Store


@dataclass
class Core:
    """One per process; services keep no other state in common."""

    config: Config
    roles: Mapping[str, frozenset[str]]
    store: Store
    clock: Clock
    timeline: Timeline
    metrics: Metrics
    notes: Notes
    people: People
    hashing: Hashing
    sealing: Sealing
    name_key: bytes
    mails: bool = False
    """Whether notices go out by mail, too."""

    def micros(self) -> int:
        """Return the time for expiry and limits; it never goes back."""
        return self.timeline.micros()

    def check_clock(self) -> None:
        """Refuse while the wall clock is behind a time seen earlier.

        Raises:
            ClockRefusedError: it is, by more than five minutes.
        """
        behind = self.timeline.behind()
        if behind:
            raise ClockRefusedError(behind)

    def needs_second_factor(self, role: str) -> bool:
        """Whether accounts of *role* must have one; administrators always."""
        return role == "admin" or role in self.config.second_factor.required_for

    def minimum_length(self, role: str) -> int:
        """Return how long a password of *role* must be."""
        passwords = self.config.passwords
        if self.needs_second_factor(role):
            return passwords.minimum_with_second_factor
        return passwords.minimum

    @property
    def lockout(self) -> Settings:
        """When consecutive failures lock, and for how long."""
        regulation = self.config.regulation
        return Settings(regulation.lockout_after, regulation.lockout_for * 1_000_000)

    def name_hash(self, name: str) -> str:
        """Return what stands for a typed name in records and counters.

        Keyed, since people type passwords into the name field.
        """
        return hmac.digest(self.name_key, name.encode(), "sha256").hex()[:32]
