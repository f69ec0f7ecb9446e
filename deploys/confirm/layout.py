"""Where a commit keeps its things on the host, and what its units are called."""

from __future__ import annotations

from dataclasses import dataclass

TIMER = "keepgate-rollback.timer"
"""Armed: its name is fixed, so that systemd refuses to arm a second commit."""

SERVICE = "keepgate-rollback.service"
"""What the timer starts; may be started by hand to roll back at once."""

SWITCH = "keepgate-switch.service"
"""The switch runs as a unit, so that a rollback can end it and all it started."""

BOOT_PREFIX = "keepgate-rollback-boot-"
"""Restores files after a restart, before SSH and firewall start; ends in the id."""

FINISH_PREFIX = "keepgate-rollback-finish-"
"""Completes that rollback once the system is up; ends in the commit's id."""

ALWAYS_LATER = ("ssh.service", "ssh.socket", "sshd.service", "nftables.service")
"""Units that read what commits change, so they start after the boot unit."""


@dataclass(frozen=True)
class Layout:
    """Folders on the host; other values than the defaults are for tests.

    *state* survives a restart; *run* does not. *search* is the PATH of every
    text: nothing is taken from the login's environment.
    """

    state: str = "/var/lib/keepgate/commit"
    run: str = "/run/keepgate"
    units: str = "/etc/systemd/system"
    search: str = "/usr/sbin:/usr/bin:/sbin:/bin"


HOST = Layout()
