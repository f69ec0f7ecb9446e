"""The front of a throwaway host, for tests that were written for one on loopback."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from typing_extensions import override

from deploys.caddy import places
from keepgate import lab
from keepgate.lab.nspawn import leader
from tests.agent.caddy.echo import Echo
from tests.agent.caddy.front import Front, Tls
from tests.agent.caddy.proxy import Proxy
from tests.agent.web.browser import Agent, Browser, Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keepgate.lab import LabHost

_CLONE_NEWNET = 0x40000000
"""linux/sched.h; setns(2)."""
IDLE = 60.0
"""Seconds; Caddy hangs up after twice that."""


def listen_inside(host: LabHost) -> Echo:
    """Start the app so that it listens on the host's loopback, but runs here.

    A socket stays in the network in which it was made, and a thread may enter another
    one alone (setns(2)).
    """
    made: list[Echo] = []

    def make() -> None:
        network = os.open(f"/proc/{leader(host)}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(network, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(network)
        made.append(Echo())

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    (echo,) = made
    return echo


class HostProxy(Proxy):
    """The Caddy of a host, reached over its network."""

    def __init__(self, host: LabHost) -> None:
        self.host = host
        root = lab.execute(host, f"cat {places.ROOT}")
        self.context = ssl.create_default_context(cadata=root)

    @override
    def connect(self, name: str, source: str = "") -> ssl.SSLSocket:
        """Return a connection for the server *name*; *source* has no meaning here."""
        plain = socket.create_connection((self.host.address4, 443), 20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert self.context is not None
        try:
            return self.context.wrap_socket(plain, server_hostname=name)
        except OSError:
            plain.close()
            raise

    @override
    def stop(self) -> None:
        """Leave it alone."""


@dataclass
class HostTls(Tls):
    """One browser's way; what was long idle is opened anew, as browsers do."""

    used: dict[str, float] = field(default_factory=dict)

    @override
    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> Page:
        """Return the answer."""
        host = headers["Host"]
        if host in self.kept and time.monotonic() - self.used[host] > IDLE:
            self.kept[host].close()
        try:
            return super().__call__(method, path, headers, body)
        finally:
            self.used[host] = time.monotonic()


class HostAgent(Agent):
    """The agent of a host, asked by the commands that are there."""

    def __init__(self, host: LabHost, way: Tls, ip: str) -> None:
        self.host, self._way, self._ip = host, way, ip

    @override
    def browser(self, ip: str = "") -> Browser:
        """Return a browser that was never here; its address is what it is."""
        return Browser(self._way, self._ip)

    @override
    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the agent, which must go well."""
        command = shlex.join(("auth-agent", *words))
        shown = lab.execute(self.host, command)
        return subprocess.CompletedProcess(command, 0, shown, "")

    @override
    def on_terminal(self, *words: str) -> str:
        """Run a command on a terminal; return what it shows."""
        command = shlex.join(("auth-agent", *words))
        typed = shlex.join(("script", "-qec", command, "/dev/null"))
        return lab.execute(self.host, typed)

    @override
    def link(self, *words: str) -> str:
        """Run a command that shows a link; return the link's path."""
        shown = self.on_terminal(*words)
        found = re.search(r"https://\S+", shown)
        assert found is not None, shown
        return urlsplit(found[0]).path

    @override
    def remove(self) -> None:
        """Leave it alone."""


@dataclass
class HostFront(Front):
    """Everything between a browser here and the app on a host."""

    ip: str = ""

    @classmethod
    def of(cls, host: LabHost, echo: Echo) -> HostFront:
        """Return the front of *host*, before *echo*."""
        proxy = HostProxy(host)
        ip = _seen_as(host.address4)
        way = HostTls(proxy)
        return cls(HostAgent(host, way, ip), echo, proxy, [way], ip)

    @override
    def browser(self) -> Browser:
        """Return a browser that was never here."""
        self._clients.append(HostTls(self.proxy))
        return Browser(self._clients[-1], self.ip)


def _seen_as(address: str) -> str:
    """Return the address that *address* sees us at."""
    command = ["ip", "-o", "route", "get", address]
    words = subprocess.check_output(command, text=True).split()
    return words[words.index("src") + 1]
