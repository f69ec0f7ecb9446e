"""Repeating in a restored store what happened since its backup was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auth_agent.accounts.rows import by_id
from auth_agent.audit.events import Event
from auth_agent.authn import devices, recovery, totp
from auth_agent.clock import to_micros
from auth_agent.system import meta

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from auth_agent.accounts.rows import User
    from auth_agent.authn.sealing import Sealing
    from auth_agent.callers import Caller
    from auth_agent.clock import Clock
    from auth_agent.storage.store import Transaction
    from auth_agent.system.since import Since

RESTORED = "restored"
"""Reason of every record that a restore makes."""

_OVER = ("pending_logins", "links", "totp_offers", "notice_mails")
"""What may have been used since: all of it ends."""


@dataclass(frozen=True)
class Repeated:
    """What was done to the restored store. Accounts are given by name."""

    sessions_ended: int
    keys_ended: int
    accounts_deleted: tuple[str, ...]
    accounts_changed: tuple[str, ...]
    """Enabled, disabled, or with another role than in the backup."""
    need_a_link: tuple[str, ...]
    """Their password or second factor is another one since: they need a reset."""
    need_an_address: tuple[str, ...]
    need_codes: tuple[str, ...]


class Repeating:
    """One pass over the restored store, in one transaction."""

    def __init__(
        self, tx: Transaction, caller: Caller, clock: Clock, happened: Since
    ) -> None:
        self._tx = tx
        self._caller = caller
        self._clock = clock
        self._since = happened

    def run(self, sealing: Sealing) -> Repeated:
        """End what must not live on; return what was done."""
        tx, since = self._tx, self._since
        sessions = tx.execute("DELETE FROM logins")
        for table in _OVER:
            tx.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        self._record(Event.SESSION_REVOKE_ALL, ended=sessions)
        deleted = self._deleted()
        changed = self._changed()
        repeated = Repeated(
            sessions,
            self._keys(),
            deleted,
            changed,
            self._for_each(since.passwords | since.factors, self._shut),
            self._for_each(since.addresses, self._without_address),
            self._for_each(since.codes - since.factors, self._without_codes),
        )
        self._move_counters()
        now = to_micros(self._clock.now())
        if since.rotated:
            sealing.rotate(tx, now)
        highest = max(meta.number(tx, meta.HIGHEST_TIME), since.last)
        meta.keep(tx, meta.HIGHEST_TIME, highest)
        return repeated

    def _deleted(self) -> tuple[str, ...]:
        def delete(user: User) -> None:
            self._tx.execute("DELETE FROM users WHERE id = ?", (user.id,))
            self._record(Event.USER_DELETE, user, name=user.name)

        return self._for_each(self._since.deleted, delete)

    def _changed(self) -> tuple[str, ...]:
        """Repeat what administrators decided last about each account."""
        names = []
        ids = self._since.active.keys() | self._since.roles.keys()
        for user in self._accounts(ids):
            active = self._since.active.get(user.id, user.active)
            role = self._since.roles.get(user.id, user.role)
            if active != user.active:
                event = Event.USER_ENABLE if active else Event.USER_DISABLE
                self._record(event, user)
            if role != user.role:
                more = {"was": user.role, "becomes": role}
                self._record(Event.USER_ROLE_CHANGE, user, **more)
            if (active, role) != (user.active, user.role):
                names.append(user.name)
            self._tx.execute(
                "UPDATE users SET active = ?, role = ? WHERE id = ?",
                (int(active), role, user.id),
            )
        return tuple(names)

    def _keys(self) -> int:
        """End the keys that ended since; all of them if that is not known."""
        tx, ended = self._tx, 0
        for key_id, owner in tx.all("SELECT id, user_id FROM api_keys ORDER BY id"):
            if self._since.known and key_id not in self._since.keys:
                continue
            ended += tx.execute("DELETE FROM api_keys WHERE id = ?", (key_id,))
            tx.record(
                self._caller.did(
                    Event.APIKEY_REVOKE,
                    target=("api_key", str(key_id)),
                    reason=RESTORED,
                    user=str(owner),
                )
            )
        return ended

    def _shut(self, user: User) -> None:
        """Let nobody in by what the owner, or an administrator, had ended."""
        tx = self._tx
        tx.execute("UPDATE users SET password = NULL WHERE id = ?", (user.id,))
        devices.forget_all(tx, user.id)
        self._record(Event.PASSWORD_RESET_REQUEST, user)
        if user.id in self._since.factors:
            recovery.remove(tx, user.id)
            if tx.execute("DELETE FROM totp WHERE user_id = ?", (user.id,)):
                self._record(Event.TOTP_REMOVE, user)

    def _without_address(self, user: User) -> None:
        self._tx.execute("UPDATE users SET email = NULL WHERE id = ?", (user.id,))
        self._record(Event.USER_MAIL_CHANGE, user)

    def _without_codes(self, user: User) -> None:
        """Which codes were used is not known: all are dead."""
        recovery.remove(self._tx, user.id)
        self._record(Event.RECOVERY_USE, user, left=0)

    def _move_counters(self) -> None:
        """Refuse every code that may have been used: up to the next step's."""
        step = int(self._clock.now().timestamp()) // totp.STEP + 1
        self._tx.execute(
            "UPDATE totp SET last_counter = ? WHERE last_counter < ?", (step, step)
        )

    def _for_each(
        self, ids: AbstractSet[str], work: Callable[[User], None]
    ) -> tuple[str, ...]:
        names = []
        for user in self._accounts(ids):
            work(user)
            names.append(user.name)
        return tuple(names)

    def _accounts(self, ids: AbstractSet[str]) -> list[User]:
        found = [by_id(self._tx, one) for one in sorted(ids)]
        return [user for user in found if user is not None]

    def _record(
        self, event: Event, user: User | None = None, **details: str | int | bool
    ) -> None:
        target = ("user", user.id) if user else ("", "")
        record = self._caller.did(event, target=target, reason=RESTORED)
        self._tx.record(replace(record, details=details))
