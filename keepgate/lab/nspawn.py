"""Hosts as systemd-nspawn containers: real systemd, real sshd, own network.

Each is an overlay over a shared image. `/proc/sys` is read-only there but for
`net.*`; kernel settings are proved on the QEMU backend.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.lab import host as hosts
from keepgate.lab import identity, overlay
from keepgate.lab.run import LabError, run, spawn, tool

if TYPE_CHECKING:
    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site

# In a mount namespace of its own: a pure cgroup v2 tree, a group, and nspawn in it.
# Machines with cgroup v1 or a hybrid need the remount; the others do not mind it.
_BOOT = """
set -eu
mount --make-rprivate /
# Disks of virtual machines that are being made: our copy would keep them from being
# whole for as long as this host runs.
sed -n 's#^/dev/loop[0-9]* \\([^ ]*/lab/hosts/[^ ]*/root\\) .*#\\1#p' /proc/mounts |
    while read -r at; do umount -l "$(printf '%b' "$at")" || :; done
while umount /sys/fs/cgroup/* 2>/dev/null; do :; done
umount -R /sys/fs/cgroup 2>/dev/null || umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$1/$2"
echo $$ > "/sys/fs/cgroup/$1/$2/cgroup.procs"
shift 2
exec "$@"
"""

TOOLS: tuple[str, ...] = (
    "systemd-nspawn",
    "unshare",
    "nsenter",
    "setpriv",
    "mount",
    "mkfs.ext4",
)
KERNEL = False
SECONDS = 60.0
"""Until SSH answers; twenty that boot at once take a third of it."""
COMMAND_SECONDS = 60.0

# A new network inherits this machine's forwarding, which the lab has turned on.
_NO_ROUTER = """
for name in ipv4/ip_forward ipv6/conf/all/forwarding; do
    echo 0 > "/proc/sys/net/$name"
done
"""

# The clock and the kernel are this machine's own: nothing run inside may set them.
_KEPT_BACK = "-sys_time,-wake_alarm,-sys_module,-sys_rawio,-syslog,-mac_admin"


def prepare(
    site: Site, host: LabHost, base: Path, source: LabHost | None, disk: str
) -> None:
    """Make the host's disk and have it mounted.

    It stands on *base*, or on what *source* has written up to now.
    """
    if source is None:
        overlay.lay(host, [base], disk=disk)
        return
    with site.locked(source.machine):
        now = hosts.load(site).get(source.name, source)
        overlay.lay(host, overlay.freeze(site, now), disk=disk)


def settle(site: Site, host: LabHost) -> None:
    """Write into the mounted root who the host is."""
    identity.settle(site, host, link="host0")


def discard(_site: Site, host: LabHost) -> None:
    """Unmount the disk for good."""
    overlay.unmount(host)


def boot(site: Site, host: LabHost) -> int:
    """Start the host and return the process that holds it."""
    overlay.mount(host)
    # A connection that a packet filter cut off keeps the network of a host that is
    # gone alive for minutes, and with it the link of this name.
    run("ip", "link", "delete", f"vb-{host.machine}", check=False)
    process = spawn(
        "unshare",
        "--mount",
        tool("sh"),
        "-c",
        _BOOT,
        "sh",
        site.cgroup,
        host.machine,
        tool("systemd-nspawn"),
        "--quiet",
        "--boot",
        "--register=no",
        "--keep-unit",
        "--kill-signal=SIGRTMIN+3",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        f"--network-bridge={site.bridge}",
        f"--machine={host.machine}",
        f"--hostname={host.name}",
        f"--directory={host.root}",
        "--console=pipe",
        log=host.console,
    )
    # The host outlives this process; Popen would warn that nobody waited for it.
    process.returncode = 0
    _be_no_router(replace(host, pid=process.pid))
    return process.pid


def _be_no_router(host: LabHost) -> None:
    """Turn forwarding off, as on a stock host, before its own settings are loaded.

    A host that does not come that far is left to whoever waits for its SSH.
    """
    until = time.monotonic() + SECONDS
    while host.running and time.monotonic() < until:
        with suppress(LabError):
            target = str(leader(host))
            run("nsenter", "--target", target, "--net", "sh", "-c", _NO_ROUTER)
            return
        time.sleep(0.02)


def shut_down(host: LabHost) -> None:
    """Ask the host to end in good order."""
    with suppress(ProcessLookupError):
        os.kill(host.pid, signal.SIGTERM)


def leader(host: LabHost) -> int:
    """Return the process that is the host's PID 1, as this machine numbers it.

    Raises:
        LabError: the host is not running.
    """
    children = Path(f"/proc/{host.pid}/task/{host.pid}/children")
    with suppress(OSError):
        for word in children.read_text().split():
            if Path(f"/proc/{word}/comm").read_text().strip() == "systemd":
                return int(word)
    message = f"{host.name} is not running"
    raise LabError(message, f"keepgate lab up {host.name}")


def execute(host: LabHost, script: str, *, timeout: float) -> tuple[int, str, str]:
    """Run sh text inside the host as root; return status, output and errors."""
    inside = ("nsenter", "--target", str(leader(host)), "--all", "--", "/bin/sh", "-s")
    limited = ("setpriv", f"--bounding-set={_KEPT_BACK}", "--", *inside)
    done = run(*limited, stdin=script, timeout=timeout, check=False)
    return done.returncode, done.stdout, done.stderr
