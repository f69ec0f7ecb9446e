"""What is wrong with the files and folders that a configuration names."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from auth_agent.config.problems import Problem
from auth_agent.config.secrets import read_file, read_secret
from auth_agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auth_agent.config.model import Config

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def file_problems(config: Config) -> Iterator[Problem]:
    """Give what is wrong with the files and folders, as far as they are there."""
    try:
        read_secret(Path(config.server.secret_file))
    except ConfigError as error:
        yield _of(error)
    if config.mail and config.mail.password_file:
        try:
            read_file(Path(config.mail.password_file), key="mail.password_file")
        except ConfigError as error:
            yield _of(error)
    yield from _owners(config)
    for name in ("state", "audit"):
        path = Path(getattr(config.server, name))
        yield from _folder(f"server.{name}", path, _OTHERS, f"chmod 0700 {path}")
    for name in ("listen", "control", "metrics"):
        if (socket := str(getattr(config.server, name))).startswith("/"):
            yield from _socket(f"server.{name}", Path(socket))


def _owners(config: Config) -> Iterator[Problem]:
    """A secret's owner reads it whatever its mode: root, or whom the agent runs as."""
    trusted = {0, os.geteuid()}
    if (state := _status(Path(config.server.state))) is not None:
        trusted.add(state.st_uid)
    named = [("server.secret_file", config.server.secret_file)]
    if config.mail and config.mail.password_file:
        named.append(("mail.password_file", config.mail.password_file))
    for key, name in named:
        found = _status(Path(name))
        if found is not None and found.st_uid not in trusted:
            message = f"{name} belongs to user {found.st_uid}, who may read it"
            yield Problem(key, message, f"run `chown root: {name}`")


def _folder(key: str, path: Path, closed: int, fix: str) -> Iterator[Problem]:
    found = _status(path)
    if found is None:
        return
    if not stat.S_ISDIR(found.st_mode):
        yield Problem(key, f"{path} is no folder", "name a folder of the agent's own")
    elif found.st_mode & closed:
        yield Problem(key, f"{path} may be entered by others", f"run `{fix}`")


def _socket(key: str, path: Path) -> Iterator[Problem]:
    folder = path.parent
    yield from _folder(key, folder, stat.S_IRWXO, f"chmod o-rwx {folder}")
    found = _status(path)
    if found is not None and not stat.S_ISSOCK(found.st_mode):
        yield Problem(key, f"{path} is there and no socket", "name another path")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # not there, or not for us to see: the start will tell
        return None


def _of(error: ConfigError) -> Problem:
    key, _, message = error.message.partition(": ")
    return Problem(key, message, error.fix)
