"""The generated configuration in a real Caddy on loopback, with sockets of its own."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from deploys.caddy import places
from deploys.caddy.caddyfile import text
from deploys.settings import Settings
from tests.agent.tools import needed
from tests.unit.caddy.client import Visitor
from tests.unit.caddy.stubs import Agent, App, Server

CADDIES = {"debian": (2, 6, 2), "current": (2, 11, 7)}
"""Debian's own, and the newest that the lock file names."""

APP = "unix:/run/app/app.sock"
"""The upstream of sites that shall reach the app."""

LIMIT = 30.0


def binary(name: str) -> str:
    """Return the path of the Caddy called *name*."""
    return needed("caddy", own=name == "current")


class Running:
    """Caddy with *settings* before a stub of the agent and an app.

    *judged* holds the request targets that the agent was asked about, in order;
    *port* is that with TLS, *plain* that without. *app*
    is what stands behind; *swapped* are parts of the configuration, with what stands in
    their place here.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        folder: Path,
        *,
        app: type[App] = App,
        swapped: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self._ended = ExitStack()
        self._serve(folder / "app.sock", app)
        self._agent = self._serve(folder / "agent.sock", Agent)
        self.judged = self._agent.judged
        self.plain = _free_port()
        self.port = self._write(text(settings, CADDIES[name]).decode(), swapped)
        home = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [binary(name), "run", "--config", "Caddyfile"],
                cwd=folder,
                env={**os.environ, **dict.fromkeys(home, ".")},
                stdout=log,
                stderr=log,
            )
        self._ended.callback(self.process.wait)
        self._ended.callback(self.process.kill)
        self.visitor = self._wait(self.port, settings.sites[0].host)

    def _write(self, written: str, swapped: Mapping[str, str]) -> int:
        """Write the configuration as it is, but for places; return its port."""
        port = _free_port()
        own = (
            f"\tgrace_period 1s\n\thttps_port {port}\n\thttp_port {self.plain}\n"
            "\tdefault_bind 127.0.0.1\n"
        )
        for real, here in (
            (places.AGENT, str(self.folder / "agent.sock")),
            (places.ADMIN, str(self.folder / "admin.sock")),
            (places.ACCESS_LOG, str(self.folder / "access.json")),
            (APP.removeprefix("unix:"), str(self.folder / "app.sock")),
            ("\tgrace_period 10s\n", own),
            *swapped.items(),
        ):
            assert real in written, real
            written = written.replace(real, here)
        (self.folder / "Caddyfile").write_text(written)
        return port

    def _serve(self, path: Path, handler: type[App]) -> Server:
        server = Server(str(path), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._ended.callback(_stop, server)
        return server

    def _wait(self, port: int, host: str) -> Visitor:
        root = self.folder / "caddy/pki/authorities/local/root.crt"
        until = time.monotonic() + LIMIT
        while True:
            assert self.process.poll() is None, self.log
            try:
                context = ssl.create_default_context(cafile=root)
                found = Visitor("127.0.0.1", port, context, seen_as="127.0.0.1")
                found.get(host)
            except OSError:
                assert time.monotonic() < until, self.log
                time.sleep(0.05)
            else:
                return found

    @property
    def log(self) -> str:
        """All that Caddy has written."""
        return (self.folder / "log").read_text()

    def stop_agent(self) -> None:
        """End the agent, as a crash would, and take its socket away."""
        _stop(self._agent)

    def close(self) -> None:
        """End all of it."""
        self._ended.close()


def _stop(server: Server) -> None:
    server.shutdown()
    server.server_close()
    Path(str(server.server_address)).unlink(missing_ok=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])
