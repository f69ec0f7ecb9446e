"""Running the system's tools, with an error that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from deploys.common.errors import KeepgateError, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = {
    "apt-cacher-ng": "apt-cacher-ng",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nft": "nftables",
    "nsenter": "util-linux",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
}
_ENVIRONMENT = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


class LabError(KeepgateError):
    """The lab cannot do what was asked."""


class LabUsageError(LabError):
    """What was asked makes no sense here; nothing was done."""


class LabUnreachableError(LabError):
    """A host does not answer in time."""

    status: ClassVar[Status] = "unreachable"


def require_root(what: str) -> None:
    """Refuse unless we are root.

    Raises:
        LabUsageError: we are not; the fix says how.
    """
    if os.geteuid() != 0:
        message = f"{what} needs root"
        raise LabUsageError(message, "run the same command with sudo -E")


def tool(name: str) -> str:
    """Return the path of *name*.

    Raises:
        LabUsageError: it is not installed; the fix names the Debian package.
    """
    path = shutil.which(name, path=_ENVIRONMENT["PATH"])
    if path is None:
        package = PACKAGES.get(name, name)
        message = f"{name} is not installed"
        raise LabUsageError(message, f"apt-get install {package}")
    return path


def run(
    *command: str, stdin: str = "", timeout: float = 120, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end and return what it said.

    Raises:
        LabError: it failed (unless *check* is off) or took longer than *timeout*
            seconds.
    """
    line: Sequence[str] = (tool(command[0]), *command[1:])
    try:
        done = subprocess.run(  # noqa: S603 - no shell; programs are named by the lab
            line,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=_ENVIRONMENT,
        )
    except subprocess.TimeoutExpired as error:
        message = f"{command[0]} took longer than {timeout:.0f} s"
        raise LabError(message, "see what else keeps this machine busy") from error
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        message = f"{' '.join(command[:3])} failed: {' / '.join(said)}"
        raise LabError(message, "run `keepgate lab down --all` and try again")
    return done


def spawn(*command: str, log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a program that outlives this one, in a session of its own.

    What it says is added to *log*.
    """
    place = log or Path(os.devnull)
    with place.open("ab") as said:
        return subprocess.Popen(  # noqa: S603 - no shell; programs are named by the lab
            (tool(command[0]), *command[1:]),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            env=_ENVIRONMENT,
        )
