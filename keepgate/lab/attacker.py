"""An address in the lab from which one may misbehave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from keepgate.lab import network
from keepgate.lab.run import require_root, run, tool
from keepgate.lab.site import current

_SUFFIX = 251


@dataclass(frozen=True)
class Attacker:
    """Where misdeeds come from: put *prefix* before a command to run it there."""

    prefix: tuple[str, ...]
    address4: str
    address6: str


def attacker() -> Attacker:
    """Have a network namespace on the lab's bridge with addresses of its own.

    Hosts that ban it keep their operator, who comes from the bridge's address.

    Raises:
        LabError: not root, or the network cannot be made.
    """
    require_root("playing the attacker")
    site = current()
    name = site.attacker
    found = Attacker(
        (tool("ip"), "netns", "exec", name),
        site.address4(_SUFFIX),
        site.address6(_SUFFIX),
    )
    outer = f"kga{site.number}"
    with site.locked():
        if Path(f"/run/netns/{name}").exists() and network.exists(outer):
            return found
        network.ensure(site)
        run("ip", "netns", "delete", name, check=False)
        run("ip", "link", "delete", outer, check=False)
        run("ip", "netns", "add", name)
        peer = ("peer", "name", "eth0", "netns", name)
        run("ip", "link", "add", outer, "type", "veth", *peer)
        run("ip", "link", "set", outer, "master", site.bridge, "up")
        inside = ("ip", "-n", name)
        run(*inside, "addr", "add", f"{found.address4}/24", "dev", "eth0")
        six = f"{found.address6}/64"
        run(*inside, "addr", "add", six, "dev", "eth0", "nodad")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "set", "eth0", "up")
    return found
