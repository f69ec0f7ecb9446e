"""Commands into a virtual machine without its network: a serial line and a shell.

A small service in the guest reads a script from the line, runs it as root, and
writes its status, output and errors back. It is the one thing that a stock host
does not have.
"""

from __future__ import annotations

import secrets
import socket
import time
from typing import TYPE_CHECKING

from keepgate.lab.machine import RUN
from keepgate.lab.run import LabError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from keepgate.lab.host import LabHost

_NAME = "org.keepgate.lab"
_SERVICE = f"""\
[Unit]
Description=Commands from the lab
StartLimitIntervalSec=0

[Service]
Environment=HOME=/root
ExecStart=/usr/local/sbin/lab-channel /dev/virtio-ports/{_NAME}
Restart=always
RestartSec=1

[Install]
WantedBy=basic.target
"""
_SHELL = """\
#!/bin/sh
# Usage: lab-channel DEVICE     Reads `run ID SIZE` and a script; answers `ran ID …`.
exec 3<> "$1" || exit 1
cd /run
while :; do
    # While nobody listens at the other end, reading finds nothing at once.
    if read -r word id size <&3 && [ "$word" = run ]; then
        head -c "$size" <&3 > lab-script
        sh lab-script > lab-out 2> lab-err < /dev/null
        status=$?
        echo "ran $id $status $(wc -c < lab-out) $(wc -c < lab-err)" >&3
        cat lab-out lab-err >&3
    else
        sleep 0.5
    fi
done
"""


def place(host: LabHost) -> Path:
    """Return the path of this end's socket."""
    return RUN / f"{host.machine}.channel"


def arguments(host: LabHost) -> tuple[str, ...]:
    """Return what makes QEMU offer the line."""
    return (
        *("-chardev", f"socket,id=channel,path={place(host)},server=on,wait=off"),
        *("-device", f"virtserialport,chardev=channel,name={_NAME}"),
    )


def install(root: Path) -> None:
    """Put the service into the system below *root*."""
    shell = root / "usr/local/sbin/lab-channel"
    shell.write_text(_SHELL)
    shell.chmod(0o755)
    units = root / "etc/systemd/system"
    (units / "lab-channel.service").write_text(_SERVICE)
    wants = units / "basic.target.wants"
    wants.mkdir(exist_ok=True)
    link = wants / "lab-channel.service"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/systemd/system/lab-channel.service")


def execute(host: LabHost, script: str, *, timeout: float) -> tuple[int, str, str]:
    """Run sh text as root; return status, output and errors.

    Raises:
        LabError: no answer within *timeout* seconds.
    """
    code, name = script.encode(), secrets.token_hex(8)
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout)
        try:
            link.connect(str(place(host)))
            link.sendall(f"run {name} {len(code)}\n".encode() + code)
            return _answer(link.makefile("rb"), name, time.monotonic() + timeout)
        except OSError as error:
            message = f"{host.name} gave no answer within {timeout:.0f} s"
            raise LabError(message, f"see {host.console}") from error


def _answer(stream: IO[bytes], name: str, deadline: float) -> tuple[int, str, str]:
    """Read past what an abandoned command may still say, to the answer of *name*."""
    mark = f"ran {name} ".encode()
    while time.monotonic() < deadline:
        line = stream.readline()
        if not line:
            raise ConnectionResetError
        _, found, rest = line.partition(mark)
        if found:
            status, output, errors = (int(word) for word in rest.split())
            said = stream.read(output).decode(errors="replace")
            return status, said, stream.read(errors).decode(errors="replace")
    raise TimeoutError
