"""What a cloud hands out, traps included: the definition of the images.

Images are built anew when this file changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keepgate.lab.run import run

if TYPE_CHECKING:
    from pathlib import Path

    from keepgate.lab.mirror import Mirrors

PACKAGES = (
    "apt-utils",
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "less",
    "libpam-systemd",
    "openssh-server",
    "python3",
    "sudo",
    "systemd-sysv",
    "udev",
    "unattended-upgrades",
)
KERNEL = ("linux-image-cloud-amd64", "initramfs-tools", "zstd")

_SOURCES = """\
Types: deb
URIs: {archive}
Suites: {release} {release}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: {security}
Suites: {release}-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

# What cloud-init leaves on a stock image, word for word where it matters: passwords
# are allowed by a drop-in that beats the main file. An empty machine-id makes the
# first boot write one, without resetting which units are enabled: the SSH service
# listens and its socket does not, as Debian has it.
_FILES = {
    "etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
    "etc/sudoers.d/90-cloud-init-users": (
        "# Created by cloud-init\n\n# User rules for debian\n"
        "debian ALL=(ALL) NOPASSWD:ALL\n"
    ),
    "etc/hostname": "localhost\n",
    "etc/machine-id": "",
    "etc/fstab": "",
}
_GROUPS = "adm,audio,cdrom,dialout,dip,floppy,plugdev,sudo,video"


def dress(root: Path, release: str, mirrors: Mirrors, proxy: str) -> None:
    """Turn the bare system in *root* into what a cloud hands out."""
    for name, text in _FILES.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    (root / "etc/sudoers.d/90-cloud-init-users").chmod(0o440)
    for leftover in (root / "etc/ssh").glob("ssh_host_*"):
        leftover.unlink()
    _sources(root, release, mirrors, proxy)
    account = ("useradd", "-m", "-s", "/bin/bash", "-G", _GROUPS, "debian")
    run("chroot", str(root), *account)
    for unit in ("systemd-networkd", "ssh"):
        run("systemctl", f"--root={root}", "enable", unit)
    # A host must come up without waiting for links.
    run("systemctl", f"--root={root}", "mask", "systemd-networkd-wait-online")


def _sources(root: Path, release: str, mirrors: Mirrors, proxy: str) -> None:
    apt = root / "etc/apt"
    (apt / "sources.list").unlink(missing_ok=True)
    for old in (apt / "sources.list.d").iterdir():
        old.unlink()
    text = _SOURCES.format(**mirrors._asdict(), release=release)
    (apt / "sources.list.d/debian.sources").write_text(text)
    line = f'Acquire::http::Proxy "{proxy}";\n'
    (apt / "apt.conf.d/95lab-cache").write_text(line)
    (apt / "apt.conf.d/99mmdebstrap").unlink(missing_ok=True)
