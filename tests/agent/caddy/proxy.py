"""A real Caddy on loopback, with the very configuration that the README gives."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.agent.web.browser import LOGIN_HOST, SITE

README = Path(__file__).parents[3] / "auth_agent" / "README.md"
START_LIMIT = 60.0
TRIES = 5
_BLOCK = re.compile(r"```\n(auth\.example\.com \{\n.*?)```", re.DOTALL)

OPTIONS = """\
{{
	admin off
	auto_https disable_redirects
	default_bind 127.0.0.1
	https_port {port}
	local_certs
	skip_install_trust
	servers {{
		protocols h1 h2
	}}
}}
"""
"""What differs from a real host: loopback, a port of its own, a CA of its own."""


def documented() -> str:
    """Return the sites of the README, the configuration that is to be proved."""
    found = _BLOCK.search(README.read_text(encoding="utf-8"))
    assert found is not None, "the README shows no Caddyfile"
    return found[1]


@dataclass
class Proxy:
    """A running Caddy before an agent's socket and an app."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    hosts: tuple[str, ...] = (LOGIN_HOST, SITE)
    context: ssl.SSLContext | None = None

    @classmethod
    def start(cls, binary: str, gate: Path, app: str, told: str = "") -> Proxy:
        """Start *binary* before the agent at *gate* and the app at HOST:PORT.

        *told* stands behind the last identity header that is copied.
        """
        sites = documented()
        for shown, real in (
            ("unix//run/auth-agent/gate/agent.sock", f"unix/{gate}"),
            ("localhost:8000", app),
            (" Remote-Session\n", f" Remote-Session{told}\n"),
        ):
            assert shown in sites
            sites = sites.replace(shown, real)
        return cls.serve(binary, sites, (LOGIN_HOST, SITE))

    @classmethod
    def serve(cls, binary: str, sites: str, hosts: tuple[str, ...]) -> Proxy:
        """Start *binary* with the Caddyfile *sites*, which serves *hosts*."""
        folder = Path(tempfile.mkdtemp(prefix="caddy-"))
        for _ in range(TRIES):
            # Another process may take the port before Caddy does.
            port = _free_port()
            (folder / "Caddyfile").write_text(OPTIONS.format(port=port) + sites)
            proxy = cls(folder, port, cls.spawn(binary, folder), hosts)
            try:
                if proxy.wait():
                    return proxy
            except BaseException:
                proxy.stop()
                raise
        shutil.rmtree(folder)
        message = "no port stayed free"
        raise AssertionError(message)

    @staticmethod
    def spawn(binary: str, folder: Path) -> subprocess.Popen[bytes]:
        """Start the process; its state stays in *folder*."""
        home = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
        path = str(folder / "Caddyfile")
        with (folder / "log").open("wb") as log:
            return subprocess.Popen(
                [binary, "run", "--config", path, "--adapter", "caddyfile"],
                env={**os.environ, **home},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> bool:
        """Return when it serves all sites; False if its port was taken."""
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                assert "address already in use" in self.log, self.log
                return False
            try:
                for host in self.hosts:
                    self.connect(host).close()
            except OSError:  # not yet: no listener, no certificate
                time.sleep(0.05)
            else:
                return True
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        """All that the process has written."""
        return (self.folder / "log").read_text()

    @property
    def authority(self) -> Path:
        """The certificate of the CA that signs for the sites."""
        return self.folder / "caddy/pki/authorities/local/root.crt"

    def connect(self, name: str, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """Return a connection for the server *name* from the address *source*."""
        if self.context is None:
            self.context = ssl.create_default_context(cafile=self.authority)
        raw = socket.create_connection(("127.0.0.1", self.port), 20, (source, 0))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return self.context.wrap_socket(raw, server_hostname=name)
        except OSError:
            raw.close()
            raise

    def stop(self) -> None:
        """End it and remove its folder."""
        self.process.kill()
        self.process.wait(20)
        shutil.rmtree(self.folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port
