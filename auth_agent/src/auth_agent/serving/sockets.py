"""Unix sockets with the right owner and mode from their first moment."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auth_agent.errors import ConfigError

GATE_MODE = 0o660
FOLDER_MODE = 0o750
PRIVATE_MODE = 0o600


def prepare(path: Path) -> None:
    """Make the socket's folder (0750) and remove a socket that a crash left.

    To be called under the lock of the state folder, so that no living process'
    socket is taken away.

    Raises:
        ConfigError: strangers may enter the folder, it cannot be made, or something
            else is there.
    """
    folder = path.parent
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder} cannot be made: {error.strerror}"
        fix = "make it (0750), owned by the agent's account"
        raise ConfigError(message, fix=fix) from error
    if folder.stat().st_mode & stat.S_IRWXO:
        message = f"strangers may enter {folder}"
        raise ConfigError(message, fix=f"run `chmod o-rwx {folder}`")
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        message = f"{path} is there and no socket"
        raise ConfigError(message, fix="remove it, or name another path")
    path.unlink()


def check_free(host: str, port: int) -> None:
    """Return if *port* can be listened at.

    The server would share it with another process of the same user (SO_REUSEPORT),
    and each would get some of the requests.

    Raises:
        ConfigError: something listens there, or we may not.
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            message = f"{host}:{port} cannot be listened at: {error.strerror}"
            fix = "stop what listens there, or choose another port"
            raise ConfigError(message, fix=fix) from error


@contextmanager
def created_with(mode: int) -> Iterator[None]:
    """Have files and sockets made with *mode* at most while this lasts."""
    before = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(before)


def peer_uid(connection: socket.socket) -> int:
    """Return the user at the other end of a unix socket, as the kernel says."""
    size = struct.calcsize("3i")
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = struct.unpack("3i", data)
    return int(uid)


def notify(state: str) -> None:
    """Tell systemd, if it asked to be told (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
        one.connect("\0" + address[1:] if address.startswith("@") else address)
        one.sendall(state.encode())
