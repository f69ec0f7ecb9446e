"""The host that is attacked: how it is put up, and what is asked of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keepgate import lab
from tests.agent.web.browser import LOGIN_HOST, SITE
from tests.lab.attack.front import HostFront, listen_inside
from tests.lab.bans import packets
from tests.lab.bans.site import FAR
from tests.lab.commands.conftest import keepgate, write_inventory
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keepgate.lab import LabHost
    from keepgate.lab.attacker import Attacker
    from tests.lab.commands.conftest import Outcome

TOPICS = ("accounts", "ssh", "firewall", "fail2ban", "agent", "caddy")
SSH, LOGIN, REFUSED = "sshd", "keepgate-login", "keepgate-refused"
RETRY = {SSH: 3, LOGIN: 3, REFUSED: 10}
"""Failures that lead to a ban, by jail."""


@dataclass
class Besieged:
    """The host, the way to its sites, and somebody elsewhere."""

    host: LabHost
    folder: Path
    attacker: Attacker
    port: int = field(init=False)
    front: HostFront = field(init=False)

    def put_up(self) -> None:
        """Apply every topic; the app behind the gate listens on the host's loopback."""
        echo = listen_inside(self.host)
        self.port = echo.server.server_port
        far = (f"{FAR}::77/64", "dev", "eth0", "nodad")
        subprocess.run(
            [*self.attacker.prefix, "ip", "addr", "replace", *far], check=True
        )
        self.sh(f"ip -6 route replace {FAR}::/64 dev host0")
        done = self.keepgate("apply")
        assert done.code == 0, f"{done.out}\n{done.err}"
        self.front = HostFront.of(self.host, echo)

    def keepgate(self, verb: str, *, more: Sequence[dict[str, Any]] = ()) -> Outcome:
        """Run a command of Keepgate's on our topics, with *more* sites than ours."""
        app = {"host": SITE, "upstream": self.port, "tls": "internal"}
        inventory = write_inventory(
            self.folder / "siege.yml",
            [self.host],
            sites=[{**app, "public": ["/open"]}, *more],
            caddy={
                "email": "ops@example.org",
                "login": {"host": LOGIN_HOST, "tls": "internal"},
            },
            fail2ban={
                "max_retry": RETRY[SSH],
                "login_retry": RETRY[LOGIN],
                "refused_retry": RETRY[REFUSED],
                "recidive_retry": 20,
            },
        )
        only = [word for topic in TOPICS for word in ("--only", topic)]
        return keepgate(verb, inventory, *only, "--json", seconds=600)

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check).strip()

    def held(self, jail: str) -> set[str]:
        """Return what the packet filter drops for *jail*, as its JSON tells it."""
        return packets.held(self.sh, jail)

    def banned(self, jail: str, element: str) -> None:
        """Return once the packet filter holds *element* for *jail*."""
        eventually(lambda: element in self.held(jail), f"{jail} holds {element}")

    def forgive(self) -> None:
        """Lift every ban, and return once nobody is held."""
        self.sh("fail2ban-client unban --all")
        eventually(lambda: not set().union(*map(self.held, RETRY)), "all are free")
