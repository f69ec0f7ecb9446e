"""Who gets into a stock host, and how this machine knows the host again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from keepgate.lab.run import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site

# The text that cloud-init puts before root's key: it is no way in.
_FORCED = (
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,"
    'command="echo \'Please login as the user \\"debian\\" rather than the user '
    '\\"root\\".\';echo;sleep 10;exit 142" '
)


def ensure_key(site: Site) -> None:
    """Have the operator's key for this lab; made here, never shipped."""
    if not site.key.exists():
        comment = "keepgate lab"
        quiet = ("-q", "-t", "ed25519", "-N", "", "-C", comment)
        run("ssh-keygen", *quiet, "-f", str(site.key))


def admit(site: Site, host: LabHost, password: str) -> None:
    """Give a fresh root its host keys and the accounts of its variant.

    The stock account gets *password*, so that its refusal can be tested; it is
    kept (0600) beside the host's disk.
    """
    root = host.root
    run("ssh-keygen", "-q", "-A", "-f", str(root))
    public = site.key.with_name(f"{site.key.name}.pub").read_text()
    if host.variant == "root-only":
        run("chroot", str(root), "userdel", "-r", "debian", check=False)
        # Root has no password here, for which sudo's own scripts refuse to go.
        forced = ("env", "SUDO_FORCE_REMOVE=yes", "dpkg", "--purge", "sudo")
        run("chroot", str(root), *forced, timeout=60)
        (root / "etc/sudoers.d/90-cloud-init-users").unlink(missing_ok=True)
        _authorize(root / "root/.ssh", public, owner=(0, 0))
        return
    _authorize(root / "root/.ssh", _FORCED + public, owner=(0, 0))
    home = root / "home/debian"
    owner = (home.stat().st_uid, home.stat().st_gid)
    _authorize(home / ".ssh", public, owner=owner)
    run("chroot", str(root), "chpasswd", stdin=f"debian:{password}\n")
    secret = host.folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password + "\n")


def pin(site: Site, host: LabHost) -> None:
    """Note the host's keys, read from its own disk and not off the wire.

    The caller holds the lab's lock, and the host's root is mounted.
    """
    lines = _foreign_lines(site, host)
    for path in sorted((host.root / "etc/ssh").glob("ssh_host_*_key.pub")):
        kind, blob = path.read_text().split()[:2]
        lines.append(f"{host.address4},{host.address6} {kind} {blob}")
    _write_known(site, lines)


def unpin(site: Site, host: LabHost) -> None:
    """Forget the host's keys; the caller holds the lab's lock."""
    _write_known(site, _foreign_lines(site, host))


def _foreign_lines(site: Site, host: LabHost) -> list[str]:
    known = site.known_hosts
    lines = known.read_text().splitlines() if known.exists() else []
    own = {host.address4, host.address6}
    return [line for line in lines if not own & set(line.split(" ")[0].split(","))]


def _write_known(site: Site, lines: list[str]) -> None:
    _replace(site.known_hosts, "".join(f"{line}\n" for line in lines))


def inventory(site: Site) -> Path:
    """Return the path of the inventory that the lab writes."""
    return site.folder / "inventory.yml"


def write_inventory(site: Site, found: Iterable[LabHost]) -> None:
    """Write an inventory of all hosts that the other commands take."""
    _replace(inventory(site), inventory_text(site, found))


def inventory_text(site: Site, found: Iterable[LabHost]) -> str:
    """Return the inventory of *found*, in YAML."""
    lines = [
        "# Written by `keepgate lab`; lost at the next `lab up` or `lab down`.",
        "defaults:",
        f"  key: {json.dumps(str(site.key))}",
        f"  known_hosts: {json.dumps(str(site.known_hosts))}",
        "  operator:",
        "    name: keeper",
        f"    keys: [{json.dumps(f'{site.key}.pub')}]",
        "  accounts:",
        "    drop: [debian]",
        "  confirm:",
        "    timeout: 15",
    ]
    hosts = [
        f"  {host.name}: {{address: {host.address4}, login: {host.login}}}"
        for host in found
    ]
    return "\n".join([*lines, "hosts:" if hosts else "hosts: {}", *hosts]) + "\n"


def _replace(path: Path, text: str) -> None:
    staged = path.with_name(f"{path.name}.{os.getpid()}.new")
    staged.touch(mode=0o600)
    staged.write_text(text)
    staged.rename(path)


def _authorize(folder: Path, line: str, *, owner: tuple[int, int]) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "authorized_keys"
    path.write_text(line)
    path.chmod(0o600)
    for each in (folder, path):
        os.chown(each, *owner)
