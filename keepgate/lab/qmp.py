"""QEMU's own control socket: the power button of a virtual machine."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

from keepgate.lab.machine import RUN

if TYPE_CHECKING:
    from pathlib import Path

    from keepgate.lab.host import LabHost


def place(host: LabHost) -> Path:
    """Return the socket's path: short, since sockets allow no long ones."""
    return RUN / f"{host.machine}.qmp"


def tell(host: LabHost, what: str) -> None:
    """Have QEMU do *what*.

    Raises:
        OSError: it does not listen.
    """
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(10)
        link.connect(str(place(host)))
        stream = link.makefile("rw")
        stream.readline()  # its greeting
        for word in ("qmp_capabilities", what):
            stream.write(json.dumps({"execute": word}) + "\n")
            stream.flush()
            stream.readline()
