"""argon2id in a bounded pool that never starves the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from auth_agent.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from auth_agent.config.model import Passwords

T = TypeVar("T")
NICENESS = 10


class Hashing:
    """Hashes and checks passwords; at most `workers` at once, `queue` waiting.

    Work factors are OWASP's floor or above (Password Storage Cheat Sheet: argon2id,
    19 MiB, 2 iterations, 1 lane).
    """

    def __init__(self, settings: Passwords) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.iterations,
            memory_cost=settings.memory_kib,
            parallelism=1,
            type=Type.ID,
        )
        self.limit = settings.workers + settings.queue
        """How many may run and wait together."""
        self.running = 0
        self._pool = ThreadPoolExecutor(
            settings.workers, "argon2", initializer=_step_back
        )
        # What an unknown account's password is checked against: same work, same time.
        self._nobody = self._hasher.hash("nobody has this password")

    def close(self) -> None:
        """Finish what runs and let the threads go."""
        self._pool.shutdown(cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return the PHC string of *password*.

        Raises:
            BusyError: the queue is full.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether *password* is the stored one; the same work when there is none.

        Raises:
            BusyError: the queue is full.
        """
        against = stored or self._nobody
        right = await self._run(lambda: _check(self._hasher, against, password))
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether *stored* was made with other work factors than today's."""
        return self._hasher.check_needs_rehash(stored)

    async def derive(self, secret: str, salt: bytes) -> bytes:
        """Return 32 bytes from *secret* under *salt*, at a password's cost.

        For secrets that are found by their hash: one derivation, many comparisons.

        Raises:
            BusyError: the queue is full.
        """
        hasher = self._hasher
        return await self._run(
            lambda: hash_secret_raw(
                secret.encode(),
                salt,
                time_cost=hasher.time_cost,
                memory_cost=hasher.memory_cost,
                parallelism=hasher.parallelism,
                hash_len=32,
                type=Type.ID,
            )
        )

    async def _run(self, work: Callable[[], T]) -> T:
        if self.running >= self.limit:
            raise BusyError
        self.running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self.running -= 1


def _check(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _step_back() -> None:
    """Let the event loop's thread go first (setpriority(2): a thread on Linux).

    Where that is not allowed (systemd's `SystemCallFilter`, say), all are equal: it is
    no reason to let nobody log in.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
