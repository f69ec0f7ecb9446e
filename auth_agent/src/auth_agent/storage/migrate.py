"""Numbered, additive migrations; each is applied once and never edited after."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from auth_agent.errors import ConfigError
from auth_agent.storage.connection import connect
from auth_agent.storage.copies import create_private

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")
_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    sha256 TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Migration:
    """One numbered step; *sha256* is that of its text."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of the text, kept in the database."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class UnusableDatabaseError(ConfigError):
    """The database is newer, half-written or altered; it is left as it is."""


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all steps that this version knows, in order."""
    found = []
    for entry in files("auth_agent.storage").joinpath("migrations").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            sql = entry.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), match[2], sql))
    return tuple(sorted(found, key=lambda step: step.number))


def migrate(path: Path) -> tuple[Migration, ...]:
    """Bring the database at *path* up to date; return the steps that were taken.

    Each step and its entry are one transaction. A database that is newer than this
    version, whose steps were altered, that is another program's, or that SQLite
    finds damaged is refused.

    Raises:
        UnusableDatabaseError: see above; nothing was changed.
    """
    try:
        if not path.exists():
            create_private(path)
    except OSError as error:
        message = f"{path} cannot be used: {error.strerror}"
        fix = "let the agent's account own a plain file there"
        raise UnusableDatabaseError(message, fix=fix) from error
    try:
        connection = connect(path)
        try:
            _check(connection, path)
            return tuple(_steps(connection, path))
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, problem: str) -> UnusableDatabaseError:
    return UnusableDatabaseError(
        f"{path} is damaged: {problem}", fix="restore the last backup beside it"
    )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise _damaged(path, problem)
    tables = {
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        )
    }
    if tables and "migrations" not in tables:
        message = f"{path} is a database of another program"
        raise UnusableDatabaseError(message, fix="give the agent a folder of its own")


def _steps(connection: sqlite3.Connection, path: Path) -> list[Migration]:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLE)
    done = dict(connection.execute("SELECT number, sha256 FROM migrations").fetchall())
    connection.execute("COMMIT")
    known = {step.number: step for step in migrations()}
    newer = sorted(set(done) - set(known))
    if newer:
        message = f"{path} has step {newer[-1]}, this version knows {max(known)}"
        fix = "run the version that made it, or restore an older backup"
        raise UnusableDatabaseError(message, fix=fix)
    for number, sha256 in done.items():
        if known[number].sha256 != sha256:
            message = f"{path}: step {number} is not the one this version knows"
            raise UnusableDatabaseError(message, fix="run the version that made it")
    taken = []
    for step in known.values():
        if step.number not in done:
            _take(connection, step)
            taken.append(step)
    return taken


def _take(connection: sqlite3.Connection, step: Migration) -> None:
    entry = f"({step.number}, '{step.name}', '{step.sha256}')"
    connection.executescript(
        f"BEGIN IMMEDIATE;\n{step.sql}\n"
        f"INSERT INTO migrations (number, name, sha256) VALUES {entry};\nCOMMIT;"
    )
