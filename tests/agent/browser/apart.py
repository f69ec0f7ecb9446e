"""Runs a browser in a network of its own, with one way out: a unix socket.

Chromium drops what it is doing whenever an interface of the machine comes or goes
(net::ERR_NETWORK_CHANGED), as containers and throwaway hosts make them do. Here it
sees a loopback only, whose port leads to the socket.

Usage: apart.py SOCKET PORT PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
"""linux/sockios.h, linux/if.h; netdevice(7)."""


def relay(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Join connections to *listener* with what *connect* makes, until it is shut."""
    while True:
        try:
            near = listener.accept()[0]
        except OSError:  # shut
            return
        try:
            far = connect()
        except OSError:
            near.close()
        else:
            threading.Thread(target=_join, args=(near, far), daemon=True).start()


def _join(near: socket.socket, far: socket.socket) -> None:
    with near, far:
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # either side hung up
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def to_unix(path: str) -> Callable[[], socket.socket]:
    """Return what connects to the unix socket *path*."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(path)
        return made

    return connect


@contextmanager
def out_of(path: Path, port: int) -> Iterator[None]:
    """Listen at *path*, on whose other side *port* of loopback answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(64)
        answer = threading.Thread(
            target=relay,
            args=(listener, lambda: socket.create_connection(("127.0.0.1", port))),
            daemon=True,
        )
        answer.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            answer.join()


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sh14x", b"lo", 0)
        answer = fcntl.ioctl(control, _SIOCGIFFLAGS, asked)
        flags = struct.unpack("16sh14x", answer)[1]
        request = struct.pack("16sh14x", b"lo", flags | _IFF_UP)
        fcntl.ioctl(control, _SIOCSIFFLAGS, request)


def main(path: str, port: str, *command: str) -> int:
    """Run *command* with the relay; return its exit status."""
    _loopback_up()
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=64)
    answer = threading.Thread(target=relay, args=(listener, to_unix(path)), daemon=True)
    answer.start()
    # 3 and 4 are the pipe over which the browser is told what to do.
    pipe = [one for one in (3, 4) if Path(f"/proc/self/fd/{one}").exists()]
    return subprocess.run(command, pass_fds=pipe, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
