"""Keys that an inventory names by path: read, judged, never echoed."""

from __future__ import annotations

import base64
import binascii
import stat
from pathlib import Path
from typing import Final

from deploys.accounts.keys import (
    KEY_TYPES,
    InvalidKey,
    PrivateKeyGiven,
    key_lines,
    login_key,
)
from deploys.agent import password
from deploys.common.errors import KeepgateError
from keepgate.inventory.home import home, resolve
from keepgate.inventory.problems import Problem, relative

_MAX_BYTES: Final = 2**16
_MAGIC: Final = b"openssh-key-v1\0"


class KeyFileError(ValueError):
    """A key file, or a key line, that is not used."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def problem(self) -> Problem:
        """Return the same as a problem that has no place yet."""
        return Problem(self.what, self.fix)


def public_lines(text: str, base: Path) -> tuple[str, ...]:
    """Return the key lines that *text*, a line or a path, stands for.

    Raises:
        KeyFileError: the file cannot be read, or a key must not be used.
    """
    if not _is_path(text):
        return (_judge(text, ""),)
    path = _resolved(text, base)
    content = _read(path)
    lines = key_lines(content)
    if "PRIVATE KEY" in content or content.startswith("PuTTY-User-Key-File"):
        raise _private(path)
    if not lines:
        what = f"{relative(path)} holds no key"
        raise KeyFileError(what, "name the .pub file that ssh-keygen made")
    return tuple(
        _judge(line, f"{relative(path)}, line {number}: ") for number, line in lines
    )


def private_file(text: str, base: Path) -> Path:
    """Return the path of the private key file *text* if it can be used.

    Raises:
        KeyFileError: it is missing, public, readable by others, or locked by a
            passphrase that nobody could type.
    """
    path = _resolved(text, base)
    content = _read(path)
    name = relative(path)
    if content.split(maxsplit=1)[:1] and content.split(maxsplit=1)[0] in KEY_TYPES:
        what = f"{name} is a public key; here the private one is meant"
        raise KeyFileError(what, f"name {name.removesuffix('.pub')}")
    if content.startswith("PuTTY-User-Key-File"):
        what = f"{name} is in PuTTY's format"
        raise KeyFileError(what, "convert it: `puttygen KEY -O private-openssh -o NEW`")
    if "PRIVATE KEY-----" not in content:
        what = f"{name} is no private key"
        raise KeyFileError(what, "name the file that ssh-keygen made, without .pub")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = f"the private key {name} can be read by others"
        raise KeyFileError(what, f"`chmod 600 {name}`")
    if _is_locked(content):
        what = f"the private key {name} has a passphrase, and nobody could type it"
        raise KeyFileError(what, f"`ssh-add {name}` and leave `key` out: ask the agent")
    return path


def secret_file(text: str, base: Path) -> Path:
    """Return the path of the file *text* if the secret in it can be used.

    Raises:
        KeyFileError: it is missing, empty, or readable by others.
    """
    path = _resolved(text, base)
    try:
        password.read(path)
    except KeepgateError as error:
        raise KeyFileError(error.message, error.fix) from None
    return path


def _is_path(text: str) -> bool:
    first, _, rest = text.strip().partition(" ")
    if first in KEY_TYPES or "PRIVATE KEY" in text or "\n" in text.strip():
        return False
    return text.endswith(".pub") or first.startswith(("~", "/", ".", "$")) or not rest


def _resolved(text: str, base: Path) -> Path:
    try:
        return resolve(text, base)
    except ValueError as error:
        what, fix = str(error), "write the path out"
        raise KeyFileError(what, fix) from None


def _read(path: Path) -> str:
    name = relative(path)
    if not path.exists():
        what = f"there is no file {name}"
        if path.is_relative_to(home() / "lab"):
            raise KeyFileError(what, "the lab makes it: `keepgate lab up`")
        fix = "paths are relative to the inventory; `ssh-keygen -t ed25519` makes a key"
        raise KeyFileError(what, fix)
    if not path.is_file():
        what = f"{name} is no regular file"
        raise KeyFileError(what, "name a key file")
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        what = f"{name} cannot be read: {error.strerror}"
        raise KeyFileError(what, "make it readable for whoever runs this") from None


def _judge(line: str, where: str) -> str:
    try:
        return str(login_key(line))
    except PrivateKeyGiven as error:
        raise KeyFileError(error.reason, error.fix) from None
    except InvalidKey as error:
        what = f"{where}{error.reason}"
        raise KeyFileError(what, error.fix) from None


def _private(path: Path) -> KeyFileError:
    loud = PrivateKeyGiven()
    public = path.with_name(f"{path.name}.pub")
    what = f"{relative(path)}: {loud.reason}"
    fix = f"name {relative(public)}; {loud.fix.partition('; ')[2]}"
    return KeyFileError(what, fix)


def _is_locked(content: str) -> bool:
    if "ENCRYPTED" in content:
        return True
    body = "".join(
        line for line in content.splitlines() if not line.startswith("-----")
    )
    try:
        blob = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return False
    # openssh-key-v1: the cipher's name follows as a string; "none" is no passphrase.
    at = len(_MAGIC)
    return blob.startswith(_MAGIC) and blob[at + 4 : at + 8] != b"none"
