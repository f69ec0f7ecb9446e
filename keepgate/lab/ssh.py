"""Logging in to a host of the lab, with its own key and pinned host keys."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from keepgate.lab import power
from keepgate.lab.run import LabError, LabUsageError, tool
from keepgate.lab.site import current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keepgate.lab.host import LabHost

OPERATOR = "keeper"
"""Who the lab's inventory makes the operator."""


def command(host: LabHost, words: Sequence[str] = (), *, login: str = "") -> list[str]:
    """Return the ssh command that opens a shell on *host*, or runs *words*.

    Without *login* it is the operator once there is one, else the stock account.

    Raises:
        LabUsageError: the lab's key is another user's.
    """
    if not os.access(host.key, os.R_OK):
        message = f"the lab's key {host.key} cannot be read"
        raise LabUsageError(message, "run the same command with sudo -E")
    line = [
        tool("ssh"),
        *("-F", "/dev/null", "-i", str(host.key), "-p", str(host.port)),
        *("-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"),
        *("-o", f"UserKnownHostsFile={current().known_hosts}"),
        *("-o", "ConnectTimeout=30", "-o", "LogLevel=ERROR"),
        f"{login or _login(host)}@{host.address4}",
    ]
    return [*line, "--", *words] if words else line


def ssh(
    host: LabHost, words: Sequence[str], *, login: str = "", captured: bool = False
) -> subprocess.CompletedProcess[str]:
    """Log in to *host*, on this terminal unless *captured*, and run *words*."""
    return subprocess.run(  # noqa: S603 - no shell here; the host's is what is asked
        command(host, words, login=login),
        check=False,
        text=True,
        capture_output=captured,
        stdin=subprocess.DEVNULL if captured else None,
    )


def _login(host: LabHost) -> str:
    if host.login == OPERATOR:
        return OPERATOR
    try:
        found = power.execute(host, f"id -u {OPERATOR} 2>/dev/null", check=False)
    except LabError:
        return host.login
    return OPERATOR if found.strip() else host.login
