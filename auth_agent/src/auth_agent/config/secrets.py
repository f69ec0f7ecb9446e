"""Secrets come from files only: 0600, or handed over by systemd as credentials."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from auth_agent.errors import ConfigError

SECRET_BYTES = 32
"""Length of the agent's own secret, from which its keys are derived."""

SECRET_KEY = "server.secret_file"  # noqa: S105 - the name of a setting
_MAX = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretFileError(ConfigError):
    """A secret file that cannot be used; *key* is the setting that names it."""

    def __init__(self, key: str, path: Path, what: str, *, fix: str) -> None:
        super().__init__(f"{key}: {path} {what}", fix=fix)


def read_file(path: Path, *, key: str) -> bytes:
    """Return what the secret file *path* holds; *key* is the setting that names it.

    A credential of the file's name that systemd hands over (systemd.exec(5),
    `LoadCredential=`) stands for the file, and is guarded by systemd.

    Raises:
        SecretFileError: it is missing, no plain file, empty or too long, or others
            than its owner may read it.
    """
    path = _handed_over(path)
    try:
        # Whoever owns the folder may put a pipe there: it must not be waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        fix = "create it (0600), owned by root or by the agent's account"
        if key == SECRET_KEY:
            fix = "create it with `auth-agent init`; it must be root's or the agent's"
        raise SecretFileError(key, path, what, fix=fix) from error
    with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor, not a name
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SecretFileError(key, path, "is no file", fix="name a plain file")
        if status.st_mode & _OTHERS and not _credential(path):
            fix = f"run `chmod 0600 {path}`"
            raise SecretFileError(key, path, "may be read by others", fix=fix)
        data = file.read(_MAX + 1)
    if not data or len(data) > _MAX:
        fix = f"give 1 to {_MAX} bytes"
        raise SecretFileError(key, path, "is empty or too long", fix=fix)
    return data


def read_secret(path: Path) -> bytes:
    """Return the agent's own secret: 32 bytes, or 64 hexadecimal digits.

    Raises:
        SecretFileError: see `read_file`; or it is neither.
    """
    data = read_file(path, key=SECRET_KEY)
    if len(data) == SECRET_BYTES:
        return data
    try:
        secret = bytes.fromhex(data.decode().strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        fix = "create one with `auth-agent init`"
        raise SecretFileError(SECRET_KEY, path, "holds no secret of 32 bytes", fix=fix)
    return secret


def _handed_over(path: Path) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(folder) / path.name
    return credential if folder and credential.exists() else path


def _credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(folder) and path.parent == Path(folder)
