"""What makes one host of many alike: its name, its addresses, its host keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site

_NETWORK = """\
[Match]
Name={link}

[Network]
Address={address4}/24
Address={address6}/64
Gateway={gateway4}
IPv6AcceptRA=no
LinkLocalAddressing=ipv6
"""


def settle(site: Site, host: LabHost, *, link: str) -> None:
    """Give the mounted root its name, its addresses on *link*, its name servers."""
    text = _NETWORK.format(
        link=link,
        address4=host.address4,
        address6=host.address6,
        gateway4=site.address4(1),
    )
    # The name sorts before those that systemd ships.
    network = host.root / "etc/systemd/network/10-host0.network"
    network.parent.mkdir(parents=True, exist_ok=True)
    network.write_text(text)
    (host.root / "etc/hostname").write_text(f"{host.name}\n")
    (host.root / "etc/hosts").write_text(
        f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {host.name}\n"
    )
    resolv = host.root / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.write_text(_servers())


def _servers() -> str:
    """Return the name servers of this machine, not a stub that only it reaches."""
    stub = Path("/run/systemd/resolve/resolv.conf")
    text = Path("/etc/resolv.conf").read_text()
    return stub.read_text() if "127.0.0.53" in text and stub.exists() else text
