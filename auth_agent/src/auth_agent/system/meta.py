"""Single values that outlive the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auth_agent.storage.store import Reader, Transaction

HIGHEST_TIME = "highest_time"
BACKUP = "backup"
"""Where the audit log stood when a backup was begun: segment, seq, hash."""


def number(reader: Reader, name: str) -> int:
    """Return the value as a number; 0 if there is none."""
    row = reader.one("SELECT value FROM meta WHERE name = ?", (name,))
    return int(str(row[0])) if row else 0


def text(reader: Reader, name: str) -> str:
    """Return the value; '' if there is none."""
    row = reader.one("SELECT value FROM meta WHERE name = ?", (name,))
    return str(row[0]) if row else ""


def keep(tx: Transaction, name: str, value: int | str) -> None:
    """Keep a value."""
    tx.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, str(value)),
    )
