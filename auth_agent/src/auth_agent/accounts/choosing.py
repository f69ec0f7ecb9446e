"""What every way to a new password has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts import links, passwords
from auth_agent.accounts.ending import Effects
from auth_agent.accounts.links import Purpose, owner
from auth_agent.accounts.ownwords import own_words
from auth_agent.accounts.rows import by_id
from auth_agent.errors import LinkRefusedError

if TYPE_CHECKING:
    import asyncio

    from auth_agent.accounts.mail import Mailer
    from auth_agent.accounts.rows import User
    from auth_agent.apikeys.service import KeyService
    from auth_agent.core import Core
    from auth_agent.sessions.service import SessionService
    from auth_agent.storage.store import Transaction


class Choosing:
    """Looks at links, checks new passwords, and keeps them."""

    def __init__(
        self,
        core: Core,
        sessions: SessionService,
        keys: KeyService,
        mailer: Mailer | None = None,
    ) -> None:
        self._core = core
        self._sessions = sessions
        self._effects = Effects(core, sessions, keys)
        self._mailer = mailer
        self._mails: set[asyncio.Task[None]] = set()

    def _peek(self, token: str, purpose: Purpose) -> User | None:
        """Return whose live link it is; None for the first administrator's."""
        core, now = self._core, self._core.micros()
        user_id = core.store.read(lambda reader: owner(reader, token, purpose, now))
        if user_id is None:
            raise LinkRefusedError
        user = core.store.read(lambda reader: by_id(reader, user_id))
        if user is not None and not user.active:
            raise LinkRefusedError
        return user

    def _acceptable(
        self, password: str, role: str, name: str, shown: str, email: str = ""
    ) -> str:
        config = self._core.config
        return passwords.check(
            password,
            minimum=self._core.minimum_length(role),
            own_words=own_words(config, name=name, shown=shown, email=email),
        )

    def _set(
        self, tx: Transaction, user_id: str, stored: str, form: str, now: int
    ) -> None:
        # A link that was mailed meanwhile, by whomever, changes nothing back.
        links.end_all(tx, user_id)
        short = len(form) < self._core.config.passwords.minimum
        tx.execute(
            "UPDATE users SET password = ?, password_short = ?,"
            " must_change_password = 0, password_changed = ? WHERE id = ?",
            (stored, int(short), now, user_id),
        )
