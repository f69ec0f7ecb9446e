"""Hosts as virtual machines: slower than containers, with a kernel of their own."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.lab import channel, groups, identity, kvm, network, qmp
from keepgate.lab.run import LabError, LabUsageError, run, spawn, tool

if TYPE_CHECKING:
    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site

TOOLS: tuple[str, ...] = ("qemu-system-x86_64", "mkfs.ext4", "mount", "losetup", "cp")
KERNEL = True
SECONDS = 600.0
"""Until SSH answers: an emulated processor that tests share takes its time."""
COMMAND_SECONDS = 180.0
_RELEASE_SECONDS = 60.0

_DISK_SIZE = "6G"  # sparse: it takes what is written
_FSTAB = "/dev/vda / ext4 errors=remount-ro 0 1\n"
# An emulated processor now and then has a kernel panic as it boots: it then tries anew.
_APPEND = "root=/dev/vda rw console=ttyS0 quiet panic=3"
_MEMORY = "1024"
# A throwaway disk need not outlive this machine's power, only QEMU: flushing is for
# nothing, and dpkg flushes a lot.
_DRIVE = "if=virtio,format=raw,cache=unsafe"


def prepare(
    site: Site, host: LabHost, base: Path, source: LabHost | None, disk: str
) -> None:
    """Make the host's disk, a copy, and have it mounted.

    Raises:
        LabUsageError: the source is running, or a size was asked for.
    """
    if disk:
        message = "the disk of a virtual machine is not limited"
        raise LabUsageError(message, "use --disk with the backend nspawn")
    if source is not None and source.running:
        message = f"{source.name} is running"
        raise LabUsageError(message, f"keepgate lab stop {source.name}")
    if source is None:
        origin, kernel = _base_disk(site, base), base / "boot"
    else:
        origin, kernel = _disk(source), source.folder / "boot"
    host.root.mkdir(mode=0o755, parents=True)
    run("cp", "--reflink=auto", "--sparse=always", str(origin), str(_disk(host)))
    run("cp", "-rL", str(kernel), str(host.folder / "boot"))
    run("mount", "-o", "loop", str(_disk(host)), str(host.root))


def settle(site: Site, host: LabHost) -> None:
    """Write into the mounted root who the host is, and the way to command it."""
    identity.settle(site, host, link="en* eth*")
    (host.root / "etc/fstab").write_text(_FSTAB)
    channel.install(host.root)


def discard(site: Site, host: LabHost) -> None:
    """Unmount the disk and take the host's link away.

    Raises:
        LabError: some other process keeps the disk mounted.
    """
    unmount(host.root, _disk(host))
    if not network.ours(site):
        return
    if network.exists(_tap(host)):
        run("ip", "link", "delete", _tap(host), check=False)
    for path in (qmp.place(host), channel.place(host)):
        path.unlink(missing_ok=True)


def unmount(root: Path, disk: Path) -> None:
    """Return once *disk* is mounted nowhere, and holds all that was written to it.

    A process that begins in a mount namespace of its own meanwhile (a container, say)
    keeps a copy of our mount for as long as it sets up. Until the last copy is gone,
    nothing is written back, and a guest would find files that are empty.

    Raises:
        LabError: it is still mounted somewhere after a minute.
    """
    while os.path.ismount(root):
        run("umount", str(root))
    until = time.monotonic() + _RELEASE_SECONDS
    while loops := run("losetup", "-nO", "NAME", "-j", str(disk)).stdout.split():
        if time.monotonic() > until:
            message = f"{disk} is still mounted by another process"
            raise LabError(message, f"see `grep {loops[0]} /proc/*/mountinfo`")
        time.sleep(0.1)


def boot(site: Site, host: LabHost) -> int:
    """Start the host and return the process that holds it."""
    discard(site, host)
    tap = _tap(host)
    run("ip", "tuntap", "add", "dev", tap, "mode", "tap")
    run("ip", "link", "set", tap, "master", site.bridge, "up")
    group = groups.of(site, host)
    group.mkdir(parents=True, exist_ok=True)
    enter = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"'
    command = (tool("qemu-system-x86_64"), *_arguments(host))
    process = spawn(
        "sh", "-c", enter, "sh", str(group), *command, log=host.folder / "qemu.log"
    )
    process.returncode = 0  # the host outlives us; Popen would warn
    return process.pid


def shut_down(host: LabHost) -> None:
    """Press the power button."""
    with suppress(OSError):
        qmp.tell(host, "system_powerdown")


def execute(host: LabHost, script: str, *, timeout: float) -> tuple[int, str, str]:
    """Run sh text inside the host as root; return status, output and errors."""
    if not host.running:
        message = f"{host.name} is not running"
        raise LabError(message, f"keepgate lab start {host.name}")
    return channel.execute(host, script, timeout=timeout)


def _arguments(host: LabHost) -> list[str]:
    kernel, initrd = files(host.folder / "boot")
    return [
        *("-name", host.machine, "-machine", "q35", "-smp", "2", "-m", _MEMORY),
        *kvm.arguments(kernel),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-sandbox", "on,elevateprivileges=deny,spawn=deny"),
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", _APPEND),
        *("-drive", f"file={_escaped(_disk(host))},{_DRIVE}"),
        *("-netdev", f"tap,id=net,ifname={_tap(host)},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=net,mac={_mac(host)}"),
        *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
        *("-chardev", f"file,id=log,path={_escaped(host.console)},append=on"),
        *("-serial", "chardev:log"),
        *channel.arguments(host),
        *("-qmp", f"unix:{qmp.place(host)},server=on,wait=off"),
    ]


def files(boot: Path) -> tuple[Path, Path]:
    """Return kernel and initrd of folder *boot*.

    Raises:
        LabError: it has none.
    """
    kernels = sorted(boot.glob("vmlinuz-*"))
    initrds = sorted(boot.glob("initrd.img-*"))
    if not kernels or not initrds:
        message = f"there is no kernel in {boot}"
        raise LabError(message, "run `keepgate lab down --all` and try again")
    return kernels[-1], initrds[-1]


def _base_disk(site: Site, image: Path) -> Path:
    """Return the disk that new hosts are copies of, made once per image."""
    disk = image.with_name(f"{image.name}.ext4")
    with site.locked(f"disk-{image.name}"):
        if not disk.exists():
            partial = disk.with_name(f"{disk.name}.{os.getpid()}.partial")
            arguments = ("-q", "-F", "-L", "root", "-d", str(image))
            run("mkfs.ext4", *arguments, str(partial), _DISK_SIZE, timeout=300)
            partial.rename(disk)
    return disk


def _disk(host: LabHost) -> Path:
    return host.folder / "disk.img"


def _tap(host: LabHost) -> str:
    return f"tap-{host.machine}"


def _mac(host: LabHost) -> str:
    """Return an address of QEMU's range that no other host of the machine has."""
    number, suffix = (int(part) for part in host.address4.split(".")[2:])
    return f"52:54:00:6b:{number:02x}:{suffix:02x}"


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")
