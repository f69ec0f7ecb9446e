"""Hosts with sites: a real Caddy by the real topic, before a stub of the agent."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploys.caddy import places
from keepgate import lab
from keepgate.inventory import load
from tests.lab.commands.conftest import OPERATOR, keepgate, write_inventory
from tests.lab.waiting import eventually
from tests.unit.caddy import stubs
from tests.unit.caddy.client import Visitor
from tests.unit.caddy.test_gate import LOGIN_SITE, SITES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keepgate.lab import LabHost
    from tests.lab.commands.conftest import Outcome

_WORKER = Path(__file__).parents[1] / "confirm" / "worker.py"
_STUBS = Path(stubs.__file__)
SOON = {"timeout": 20}
"""Settings of commits that are to be undone."""

Site = dict[str, Any]


@dataclass
class Served:
    """One host and what a test does with it."""

    host: LabHost
    folder: Path
    first: Outcome | None = field(default=None, init=False)
    package: dict[str, Any] = field(default_factory=dict, init=False)

    def sh(self, script: str, *, check: bool = True, seconds: float = 0) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check, timeout=seconds)

    def start_stub(self, kind: str) -> None:
        """Have the stub of the agent, or the app, answer on its socket."""
        socket = {"agent": places.AGENT, "app": "/run/app/app.sock"}[kind]
        self.stop_stub(kind)
        self.sh(
            f"systemd-run --quiet --collect --unit=stub-{kind} "
            f"python3 /srv/stubs.py {kind} {socket}"
        )
        eventually(lambda: self.sh(f"test -S {socket} && echo y", check=False), socket)

    def stop_stub(self, kind: str) -> None:
        """End one, and take its socket away, as systemd would with its folder."""
        socket = {"agent": places.AGENT, "app": "/run/app/app.sock"}[kind]
        self.sh(f"systemctl stop stub-{kind} 2>/dev/null; rm -f {socket}", check=False)

    def run(
        self,
        verb: str,
        *words: str,
        sites: Sequence[Site] = SITES,
        topics: Sequence[str] = ("firewall", "caddy"),
        caddy: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Outcome:
        """Run a command of Keepgate's on *topics*."""
        path = self._inventory(sites, caddy or {}, **settings)
        only = [word for topic in topics for word in ("--only", topic)]
        return keepgate(verb, path, *only, "--json", *words)

    def apply(self, **settings: Any) -> Outcome:
        """Apply, which must go well."""
        done = self.run("apply", **settings)
        assert done.code == 0, f"{done.out}\n{done.err}"
        return done

    def die_before_proof(self, sites: Sequence[Site]) -> None:
        """Commit other sites, and lose the controller after the switch."""
        path = self._inventory(sites, {}, confirm=SOON)
        (target,) = load(path).hosts
        spec = {
            "target": target.model_dump(mode="json") | {"login": OPERATOR},
            "topics": ["caddy"],
            "die": "prove",
        }
        file = self.folder / "spec.json"
        file.write_text(json.dumps(spec))
        done = subprocess.run(
            [sys.executable, str(_WORKER), str(file)],
            capture_output=True,
            check=False,
            timeout=90,
            text=True,
        )
        assert done.stdout.splitlines()[-1] == "phase prove", done.stdout + done.stderr

    def _inventory(
        self, sites: Sequence[Site], caddy: dict[str, Any], **settings: Any
    ) -> Path:
        path = self.folder / f"{self.host.name}.yml"
        served: dict[str, Any] = {
            "sites": list(sites),
            "caddy": {"login": LOGIN_SITE, **self.package, **caddy},
        }
        return write_inventory(path, [self.host], **served, **settings)

    @cached_property
    def authority(self) -> Path:
        """The certificate of the host's own authority."""
        path = self.folder / f"{self.host.name}.crt"
        path.write_text(self.sh(f"cat {places.ROOT}"))
        return path

    def visitor(self, *, version: int = 4) -> Visitor:
        """Somebody who comes from outside by IP *version*."""
        address = self.host.address4 if version == 4 else self.host.address6
        context = ssl.create_default_context(cafile=self.authority)
        command = ["ip", f"-{version}", "-o", "route", "get", address]
        words = subprocess.check_output(command, text=True).split()
        seen_as = words[words.index("src") + 1]
        return Visitor(address, 443, context, seen_as=seen_as)

    def configuration(self) -> str:
        """Return the configuration that the server runs."""
        return self.sh(
            f"python3 - <<'ASK'\n"
            f"import socket\n"
            f"s = socket.socket(socket.AF_UNIX)\n"
            f"s.connect('{places.ADMIN}')\n"
            f"s.sendall(b'GET /config/ HTTP/1.0\\r\\n\\r\\n')\n"
            f"print(s.makefile().read().partition('\\n\\n')[2])\n"
            f"ASK"
        )


@contextmanager
def prepared(folder: Path, *, release: str = "", source: str = "") -> Iterator[Served]:
    """Have a fresh host, or a copy of *source*, with an app and without Caddy."""
    name = f"web-{secrets.token_hex(3)}"
    (host,) = lab.up([name], release=release, source=source)
    try:
        made = Served(host, folder)
        made.sh(f"cat >/srv/stubs.py <<'STUBS'\n{_STUBS.read_text()}STUBS\n")
        made.start_stub("app")
        yield made
    finally:
        lab.down([name])


@contextmanager
def served(folder: Path, *, release: str = "", source: str = "") -> Iterator[Served]:
    """Serve sites on a fresh host, or on a copy of *source*, while the block lasts."""
    with prepared(folder, release=release, source=source) as made:
        made.first = made.apply(topics=("accounts", "ssh", "firewall", "caddy"))
        yield made
