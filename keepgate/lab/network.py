"""The lab's bridge and its way out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.lab import machine
from keepgate.lab.run import LabUsageError, run

if TYPE_CHECKING:
    from keepgate.lab.site import Site

_LINKS = Path("/sys/class/net")


def ensure(site: Site) -> None:
    """Have the bridge, forwarding and masquerading for it; safe to repeat.

    IPv6 stays within the lab: turning its forwarding on would make this machine
    deaf to router advertisements.

    Raises:
        LabUsageError: hosts of another clone's lab hang on that bridge.
    """
    if not exists(site.bridge):
        run("ip", "link", "add", site.bridge, "type", "bridge")
    _claim(site)
    run("ip", "addr", "replace", f"{site.address4(1)}/24", "dev", site.bridge)
    address6 = f"{site.address6(1)}/64"
    run("ip", "addr", "replace", address6, "dev", site.bridge, "nodad")
    run("ip", "link", "set", site.bridge, "up")
    machine.prepare()
    run("nft", "-f", "-", stdin=_rules(site))


def remove(site: Site) -> None:
    """Take bridge, attacker and nft table away; what is gone already is fine.

    The caller has made sure that they are ours.
    """
    run("ip", "netns", "delete", site.attacker, check=False)
    stray = {path.name for path in _LINKS.glob(f"*-kg{site.number}-*")}
    for link in stray | set(ports(site.bridge)):
        run("ip", "link", "delete", link, check=False)
    run("ip", "link", "delete", site.bridge, check=False)
    run("nft", "delete", "table", "inet", site.table, check=False)
    if not any(_LINKS.glob("kglab*")):
        machine.restore()


def exists(link: str) -> bool:
    """Whether this machine has a network link of that name."""
    return (_LINKS / link).exists()


def ports(bridge: str) -> list[str]:
    """Return the links that hang on *bridge*."""
    folder = _LINKS / bridge / "brif"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def owner(bridge: str) -> str:
    """Return the lab's folder that *bridge* belongs to; "" for none."""
    try:
        return (_LINKS / bridge / "ifalias").read_text().strip()
    except OSError:
        return ""


def ours(site: Site) -> bool:
    """Whether the bridge, and all that goes by its number, is this lab's."""
    return owner(site.bridge) in ("", str(site.folder))


def _claim(site: Site) -> None:
    """Write on the bridge whose it is; one without living hosts changes hands."""
    other = owner(site.bridge)
    if other == str(site.folder):
        return
    hosts = [port for port in ports(site.bridge) if port != f"kga{site.number}"]
    if other and any(map(_carrier, hosts)):
        message = f"another lab ({other}) has hosts on this network"
        raise LabUsageError(message, "run `keepgate lab down --all` in its project")
    run("ip", "link", "set", site.bridge, "alias", str(site.folder))


def _carrier(link: str) -> bool:
    """Whether somebody holds the other end of *link*."""
    try:
        return (_LINKS / link / "carrier").read_text().strip() == "1"
    except OSError:
        return False


def _rules(site: Site) -> str:
    """Return the nft text: hosts get out under our own address, nobody gets in.

    They are made to be weak; only this machine reaches them.
    """
    return f"""
add table inet {site.table}
delete table inet {site.table}
table inet {site.table} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {site.network4} oifname != "{site.bridge}" masquerade
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname != "{site.bridge}" oifname "{site.bridge}" ct state new drop
    }}
}}
"""
