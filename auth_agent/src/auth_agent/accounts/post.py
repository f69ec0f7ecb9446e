"""The mails of notices: sent beside everything else, tried again, never lost."""

from __future__ import annotations

import asyncio
import smtplib
from typing import TYPE_CHECKING

from auth_agent.accounts.notices import NoticeInfo, info
from auth_agent.accounts.rows import number
from auth_agent.clock import from_micros
from auth_agent.errors import StoreUnavailableError

if TYPE_CHECKING:
    from auth_agent.accounts.mail import Mailer
    from auth_agent.core import Core
    from auth_agent.storage.store import Reader, Row

TRIES = 8
"""Tries of one mail: the last one more than two hours after the first."""

AT_ONCE = 50
_MINUTE = 60 * 1_000_000
_SELECT = (
    "SELECT n.micros, n.kind, n.number, n.ip, n.user_agent,"
    " m.row, m.address, m.tries, u.name, u.display_name"
    " FROM notice_mails m JOIN notices n ON n.row = m.notice"
    " JOIN users u ON u.id = n.user_id WHERE m.due <= ? ORDER BY m.row LIMIT ?"
)


class Post:
    """Sends what is due; one mail at a time, on a thread."""

    def __init__(self, core: Core, mailer: Mailer | None) -> None:
        self._core = core
        self._mailer = mailer
        self._task: asyncio.Task[int] | None = None

    async def begin(self) -> None:
        """Begin to send what is due, unless that is going on; does not wait."""
        if self._mailer is None or (self._task and not self._task.done()):
            return
        if self._due():
            self._task = asyncio.create_task(self.send())

    async def close(self) -> None:
        """Stop; what has not gone out goes after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def send(self) -> int:
        """Send what is due; return how many mails went out.

        A mail is forgotten after the server took it: it may go out twice when the
        process is killed in between, and does not get lost.
        """
        sent, mailer = 0, self._mailer
        for row in self._due() if mailer else ():
            try:
                sent += mailer is not None and await self._one(mailer, row)
            except StoreUnavailableError:
                return sent  # tried again later, as everything
        return sent

    async def _one(self, mailer: Mailer, row: Row) -> bool:
        core, notice = self._core, info(row[:5])
        mail, address, tries = number(row[5]), str(row[6]), number(row[7]) + 1
        text = self._text(notice, name=str(row[8]), shown=str(row[9]))
        subject = f"{core.config.login.title}: {notice.text}"
        try:
            await asyncio.to_thread(mailer.send, to=address, subject=subject, text=text)
        except (OSError, smtplib.SMTPException):
            core.metrics.count("mail_failures_total")
            due = core.micros() + (_MINUTE << (tries - 1))
            await core.store.write(
                lambda tx: (
                    tx.execute(
                        "UPDATE notice_mails SET tries = ?, due = ? WHERE row = ?",
                        (tries, due, mail),
                    )
                    if tries < TRIES
                    else tx.execute("DELETE FROM notice_mails WHERE row = ?", (mail,))
                )
            )
            return False
        core.metrics.count("mails_total")
        await core.store.write(
            lambda tx: tx.execute("DELETE FROM notice_mails WHERE row = ?", (mail,))
        )
        return True

    def _due(self) -> list[Row]:
        now = self._core.micros()

        def work(reader: Reader) -> list[Row]:
            return reader.all(_SELECT, (now, AT_ONCE))

        return self._core.store.read(work)

    def _text(self, notice: NoticeInfo, *, name: str, shown: str) -> str:
        agent = "".join(char for char in notice.user_agent if char.isprintable())
        where = ", ".join(filter(None, (notice.ip, agent))) or "the host itself"
        return (
            f"Hello {shown},\n\n"
            f"{notice.text} (account {name} at {self._core.config.login.host}).\n\n"
            f"When: {from_micros(notice.time):%Y-%m-%d %H:%M} UTC\n"
            f"From: {where}\n\n"
            "If that was you, there is nothing to do. If not, sign in, change your\n"
            "password, end your other sessions, and tell an administrator.\n"
        )
