"""Notices: what happened to an account, told to its owner (ASVS 5.0, 6.3.5, 6.3.7).

A notice is written in the transaction of what it tells of. It stands on the
account's page, and goes out by mail when a mail server is configured.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from auth_agent.accounts.rows import number

if TYPE_CHECKING:
    from auth_agent.accounts.rows import User
    from auth_agent.callers import Caller
    from auth_agent.core import Core
    from auth_agent.storage.store import Reader, Row, Transaction

MOST = 50
"""Notices that are kept of one account."""

WORTH_TELLING = 5
"""So many failures before a login are told to whom they were aimed at."""


class Notice(StrEnum):
    """Everything that owners are told of."""

    NEW_DEVICE = "new_device"
    FAILURES = "failures"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a notice
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of a notice
    RESET_STARTED = "reset_started"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    CODES_MADE = "codes_made"
    CODE_USED = "code_used"
    EMAIL_CHANGED = "email_changed"
    KEY_MADE = "key_made"


_TEXTS = {
    Notice.NEW_DEVICE: "Somebody signed in from a browser that was not known",
    Notice.FAILURES: "Signed in after {number} failed tries",
    Notice.PASSWORD_CHANGED: "The password was changed",
    Notice.PASSWORD_SET: "A new password was set by a link",
    Notice.RESET_STARTED: "An administrator ended the password, for a new one",
    Notice.FACTOR_ADDED: "The authenticator app was turned on",
    Notice.FACTOR_REMOVED: "The authenticator app was turned off",
    Notice.CODES_MADE: "New recovery codes were made",
    Notice.CODE_USED: "A recovery code was used; {number} are left",
    Notice.EMAIL_CHANGED: "The e-mail address was changed",
    Notice.KEY_MADE: "An API key was made",
}


@dataclass(frozen=True)
class NoticeInfo:
    """A notice as its owner sees it; *time* in microseconds."""

    time: int
    kind: str
    text: str
    ip: str
    user_agent: str


def tell(  # noqa: PLR0913 - what a notice says, and to whom
    tx: Transaction,
    core: Core,
    user: User,
    kind: Notice,
    caller: Caller,
    *,
    count: int = 0,
    also_to: str = "",
) -> None:
    """Tell the owner of *user* what *caller* did; by mail too, where there is one.

    *also_to* is a further address: of a changed one, both are told.
    """
    origin, now = caller.origin, core.micros()
    row = tx.one(
        "INSERT INTO notices (user_id, micros, kind, number, ip, user_agent)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING row",
        (user.id, now, kind, count, origin.ip, origin.user_agent),
    )
    notice = number(row[0]) if row else 0
    tx.execute(
        "DELETE FROM notices WHERE user_id = ? AND row NOT IN"
        " (SELECT row FROM notices WHERE user_id = ? ORDER BY row DESC LIMIT ?)",
        (user.id, user.id, MOST),
    )
    if not core.mails:
        return
    for address in dict.fromkeys(filter(None, (user.email, also_to))):
        tx.execute(
            "INSERT INTO notice_mails (notice, address, due) VALUES (?, ?, ?)",
            (notice, address, now),
        )


def of_account(reader: Reader, user_id: str, limit: int = MOST) -> list[NoticeInfo]:
    """Return an account's notices, newest first."""
    rows = reader.all(
        "SELECT micros, kind, number, ip, user_agent FROM notices WHERE user_id = ?"
        " ORDER BY row DESC LIMIT ?",
        (user_id, limit),
    )
    return [info(row) for row in rows]


def info(row: Row) -> NoticeInfo:
    """Return (micros, kind, number, ip, user_agent) as a notice."""
    kind = str(row[1])
    text = text_of(kind, number(row[2]))
    return NoticeInfo(number(row[0]), kind, text, str(row[3]), str(row[4]))


def text_of(kind: str, count: int) -> str:
    """Return what happened, in a sentence without its full stop."""
    return _TEXTS[Notice(kind)].format(number=count)
