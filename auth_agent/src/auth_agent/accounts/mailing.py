"""Reset links by mail; the same answer for everybody."""

from __future__ import annotations

import asyncio
import smtplib
from typing import TYPE_CHECKING

from auth_agent.accounts.choosing import Choosing
from auth_agent.accounts.links import Link, Purpose, mailed
from auth_agent.accounts.names import canonical_login
from auth_agent.accounts.rows import by_login
from auth_agent.audit.events import Event, Outcome
from auth_agent.authn.steps import caller_of
from auth_agent.callers import Caller
from auth_agent.regulation import gate
from auth_agent.regulation.counters import Subject
from auth_agent.regulation.limits import Kind

if TYPE_CHECKING:
    from auth_agent.accounts.mail import Mailer
    from auth_agent.callers import Client
    from auth_agent.storage.store import Transaction


class MailedResets(Choosing):
    """Nobody learns from the answer whether there is such an account."""

    async def request_reset(self, name: str, client: Client) -> None:
        """Mail a reset link if mail is configured; the same answer for everybody.

        Raises:
            ThrottledError: too many were asked for.
        """
        core, now = self._core, self._core.micros()
        key = canonical_login(name.encode("utf-8", "replace").decode())
        user = core.store.read(lambda reader: by_login(reader, key))
        account = user.id if user else f"?{core.name_hash(key)}"
        caller = caller_of(user, client) if user else Caller.anonymous(client)
        await gate.reserve(core, Subject(Kind.RESET, account, client.ip), caller)
        mailer = self._mailer
        fit = user is not None and user.active and user.password and user.email

        def work(tx: Transaction) -> Link | None:
            sends = fit and mailer is not None and user is not None
            tx.record(
                caller.did(
                    Event.PASSWORD_RESET_REQUEST,
                    Outcome.SUCCESS if sends else Outcome.FAILURE,
                    target=("user", account),
                    reason="" if sends else "no_mail" if fit else "no_such_account",
                )
            )
            return mailed(tx, user.id, now) if sends and user else None

        link = await core.store.write(work)
        if link is not None and mailer is not None and user is not None:
            task = asyncio.create_task(self._send(mailer, user.email, link))
            self._mails.add(task)
            task.add_done_callback(self._mails.discard)

    async def _send(self, mailer: Mailer, to: str, link: Link) -> None:
        login = self._core.config.login
        base = f"https://{login.host}{login.path.rstrip('/')}/link/{Purpose.RESET}"
        text = (
            "Somebody asked to reset your password. If it was you, open this within"
            f" 10 minutes:\n\n{base}/{link.token}\n\nIf not, do nothing.\n"
        )
        try:
            subject = f"{login.title}: a link for a new password"
            await asyncio.to_thread(mailer.send, to=to, subject=subject, text=text)
        except (OSError, smtplib.SMTPException):
            self._core.metrics.count("mail_failures_total")
