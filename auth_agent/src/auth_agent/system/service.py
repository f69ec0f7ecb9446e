"""The process's own affairs, as they are asked for or fall due."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from auth_agent.accounts import links
from auth_agent.audit.events import Event, Outcome
from auth_agent.authn import totp
from auth_agent.callers import Caller
from auth_agent.clock import MAX_BEHIND, to_micros
from auth_agent.errors import ConflictError, StoreUnavailableError
from auth_agent.regulation.limits import FOREVER
from auth_agent.system import meta

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from auth_agent.accounts.post import Post
    from auth_agent.core import Core
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Transaction

EVERY = 60.0
"""Seconds between two rounds of what is due."""

_DAY = 86_400_000_000


class SystemService:
    """*chores* are what the other services have fall due once a minute."""

    def __init__(
        self,
        core: Core,
        sessions: SessionService,
        chores: Sequence[Callable[[], Awaitable[object]]],
        post: Post,
    ) -> None:
        self._core = core
        self._sessions = sessions
        self._chores = (*chores, self._purge)
        self._post = post
        self._due = core.clock.monotonic() + EVERY
        self._told = 0

    @property
    def healthy(self) -> bool:
        """Whether changes can be made now."""
        return self._core.store.healthy

    async def config_error(self, caller: Caller, message: str) -> None:
        """Record that a configuration was refused (`system.config_error`)."""
        record = caller.did(
            Event.SYSTEM_CONFIG_ERROR, Outcome.FAILURE, reason=message[:200]
        )
        await self._core.store.write(lambda tx: tx.record(record))

    async def settings_changed(
        self, caller: Caller, changed: Mapping[str, str]
    ) -> None:
        """Record changed settings, `section.key` -> new value, secrets masked."""
        details = {f"setting {key}": value[:200] for key, value in changed.items()}
        record = replace(caller.did(Event.ADMIN_SETTINGS_CHANGE), details=details)
        await self._core.store.write(lambda tx: tx.record(record))

    async def policy_changed(
        self, caller: Caller, *, added: Sequence[str], removed: Sequence[str]
    ) -> None:
        """Record changed rules, each as its text."""
        record = caller.did(
            Event.ADMIN_POLICY_CHANGE,
            added="; ".join(added),
            removed="; ".join(removed),
        )
        await self._core.store.write(lambda tx: tx.record(record))

    async def rotate_secrets(self, caller: Caller) -> int:
        """Seal second factors under a new key; return how many. Needs step-up."""
        self._sessions.require_step_up(caller)
        core, now = self._core, self._core.micros()

        def work(tx: Transaction) -> int:
            count = core.sealing.rotate(tx, now)
            tx.record(caller.did(Event.ADMIN_SECRET_ROTATE, sealed=count))
            return count

        return await core.store.write(
            work, lambda _: core.store.read(core.sealing.reload)
        )

    async def reset_clock(self, caller: Caller) -> None:
        """Take the wall clock as right, after it stood wrong.

        What was made under the wrong time ends: all logins and links. Locks, keys
        and used codes are cut back to what they may be from now on.
        """
        self._sessions.require_step_up(caller)
        core = self._core
        now, counter = to_micros(core.clock.now()), totp.counter_now(core)
        lasts = core.config.api_keys.maximum_days * _DAY

        def work(tx: Transaction) -> None:
            for table in ("logins", "pending_logins", "links", "tries", "totp_offers"):
                tx.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
            tx.execute(
                "UPDATE failures SET locked = ? WHERE locked > ? AND locked < ?",
                (now + core.lockout.micros, now + core.lockout.micros, FOREVER),
            )
            tx.execute(
                "UPDATE totp SET last_counter = ? WHERE last_counter > ?",
                (counter, counter),
            )
            tx.execute(
                "UPDATE api_keys SET expires = ? WHERE expires > ?",
                (now + lasts, now + lasts),
            )
            meta.keep(tx, meta.HIGHEST_TIME, now)
            tx.record(caller.did(Event.SYSTEM_CLOCK_JUMP, reason="reset"))
            tx.record(caller.did(Event.SESSION_REVOKE_ALL, reason="clock_reset"))

        def applied(_: None) -> None:
            core.timeline.restart()
            self._sessions.live.drop(list(self._sessions.live.by_id))

        await core.store.write(work, applied)

    async def backup(self, caller: Caller, target: Path) -> None:
        """Write a consistent copy of the store (0600) while running.

        It says how far the audit log was, so that a restore can repeat what happened
        since.

        Raises:
            ConflictError: *target* is there already, or cannot be written.
        """
        self._sessions.require_step_up(caller)
        store = self._core.store
        end = await store.with_log(
            lambda log: f"{log.segment} {log.place.seq} {log.place.hash}"
        )
        await store.write(lambda tx: meta.keep(tx, meta.BACKUP, end))
        try:
            await asyncio.to_thread(store.backup, target)
        except OSError as error:
            message = f"{target} cannot be written: {error.strerror}"
            raise ConflictError(message, fix="name a new file") from error
        record = caller.did(Event.ADMIN_EXPORT, target=("store", ""), reason="backup")
        await store.write(lambda tx: tx.record(record))

    async def tick(self) -> None:
        """Do what is due; to be called every few seconds while serving.

        What the store does not take now is tried again the next time.
        """
        await self._attempt(self.watch_clock)
        await self._attempt(self._core.notes.sum_up)
        await self._attempt(self._post.begin)
        if self._core.clock.monotonic() < self._due:
            return
        self._due = self._core.clock.monotonic() + EVERY
        for chore in self._chores:
            await self._attempt(chore)

    async def watch_clock(self) -> None:
        """Record once when the wall clock jumps by more than five minutes."""
        timeline = self._core.timeline
        seconds = -timeline.behind() or max(0, timeline.ahead())
        jumped = seconds if seconds < 0 or seconds > MAX_BEHIND else 0
        if not jumped:
            self._told = 0
            return
        if self._told * jumped > 0:
            return
        record = Caller.system().did(
            Event.SYSTEM_CLOCK_JUMP,
            Outcome.FAILURE if jumped < 0 else Outcome.SUCCESS,
            reason="back" if jumped < 0 else "forward",
            seconds=jumped,
        )
        await self._core.store.write(lambda tx: tx.record(record))
        self._told = jumped

    async def _attempt(self, chore: Callable[[], Awaitable[object]]) -> None:
        try:
            await chore()
        except (StoreUnavailableError, OSError):
            self._core.metrics.count("chores_failed_total")

    async def _purge(self) -> None:
        highest, now = self._core.timeline.highest(), self._core.micros()

        def work(tx: Transaction) -> None:
            meta.keep(tx, meta.HIGHEST_TIME, highest)
            links.purge(tx, now)

        await self._core.store.write(work)
