"""Opening the state folder: one process, one lock, everything checked first."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from auth_agent.audit.chain import BrokenChainError
from auth_agent.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from auth_agent.audit.log import AuditLog

DATABASE = "agent.db"
_LOCK = "lock"
_OTHERS = 0o077


def private_folder(path: Path) -> None:
    """Have the folder *path* there, for its owner only.

    Raises:
        ConfigError: it cannot be made, is no folder, or others may enter it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode
    except OSError as error:
        message = f"{path} cannot be used: {error.strerror}"
        raise ConfigError(message, fix="let the agent's account own it") from error
    if mode & _OTHERS:
        message = f"{path} may be entered by others"
        raise ConfigError(message, fix=f"run `chmod 0700 {path}`")


def open_log(log: AuditLog) -> None:
    """Have *log* open for writing.

    Raises:
        ConfigError: it is another agent's, or was changed.
    """
    try:
        log.open()
    except BrokenChainError as error:
        message = f"the audit log in {log.folder} is not this agent's: {error}"
        fix = "restore the secret file, or move the folder aside and keep it"
        raise ConfigError(message, fix=fix) from error


def lock(folder: Path) -> int:
    """Return the descriptor of the lock on *folder*; closing it lets go.

    Raises:
        ConfigError: another process has it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(folder / _LOCK, flags, 0o600)
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror}"
        raise ConfigError(message, fix="let the agent's account own it") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        message = f"another process uses {folder}"
        fix = "speak to the running agent, or stop it first"
        raise ConfigError(message, fix=fix) from error
    return descriptor
