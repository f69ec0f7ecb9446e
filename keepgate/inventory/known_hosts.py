"""The file of trusted host keys: what is pinned for a host, and pinning (sshd(8))."""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploys.common.errors import KeepgateError

_HASHED: Final = "|1|"
_SSH_PORT: Final = 22


@dataclass(frozen=True)
class Pins:
    """What a file says of one host: keys (base64) by type, and revoked ones."""

    keys: Mapping[str, frozenset[str]]
    revoked: frozenset[str]


def name_of(address: str, port: int) -> str:
    """Return how known_hosts calls the server at *address* and *port*."""
    return address if port == _SSH_PORT else f"[{address}]:{port}"


def pins(path: Path, name: str) -> Pins:
    """Return what *path* says of the host *name*; nothing where there is no file.

    Raises:
        KeepgateError: the file cannot be read.
    """
    keys: dict[str, set[str]] = {}
    revoked: set[str] = set()
    for line in _read(path).splitlines():
        marker, names, kind, key = _parts(line)
        if key and _names(names, name):
            if marker == "@revoked":
                revoked.add(key)
            elif not marker:
                keys.setdefault(kind, set()).add(key)
    return Pins({k: frozenset(v) for k, v in keys.items()}, frozenset(revoked))


def pin(path: Path, name: str, keys: Mapping[str, str]) -> None:
    """Make *keys* (base64 by type) all that *path* trusts for *name* (0600, atomic).

    Lines of other hosts, comments and markers stay as they are.

    Raises:
        KeepgateError: the file cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path):
            kept = [
                rest
                for line in _read(path).splitlines()
                if (rest := _without(line, name)) is not None
            ]
            lines = [*kept, *(f"{name} {kind} {key}" for kind, key in keys.items())]
            _replace(path, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise _unusable(path, error) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> KeepgateError:
    message = f"the host keys in {path} cannot be used: {error.strerror or error}"
    return KeepgateError(message, "mend the file, or name another: `known_hosts`")


def _parts(line: str) -> tuple[str, str, str, str]:
    """Return marker, names, type and key of *line*; all empty if it holds none."""
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#"):  # noqa: PLR2004 - names, type, key
        return "", "", "", ""
    return marker, words[0], words[1], words[2]


def _names(names: str, name: str) -> bool:
    return any(_is(each, name) for each in names.split(","))


def _is(pattern: str, name: str) -> bool:
    if not pattern.startswith(_HASHED):
        return pattern.lower() == name.lower()
    try:
        salt, digest = (base64.b64decode(p) for p in pattern[3:].split("|"))
    except (ValueError, binascii.Error):
        return False
    # SHA-1 is what the file's format prescribes; it hides names, it guards nothing.
    return hmac.compare_digest(
        hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest
    )


def _without(line: str, name: str) -> str | None:
    """Return *line* without *name*, None if it says nothing else."""
    marker, names, _, key = _parts(line)
    if marker or not key or not _names(names, name):
        return line
    others = [each for each in names.split(",") if not _is(each, name)]
    if not others:
        return None
    return line.replace(names, ",".join(others), 1)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
    guard = os.open(path.with_name(f".{path.name}.lock"), flags, 0o600)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
    finally:
        os.close(guard)


def _replace(path: Path, text: str) -> None:
    real = path.resolve()  # ~/.ssh/known_hosts may be a link into dotfiles
    staged = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(
            os.open(staged, flags, 0o600),
            "w",
            encoding="utf-8",
            errors="surrogateescape",
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(real)
    finally:
        staged.unlink(missing_ok=True)
