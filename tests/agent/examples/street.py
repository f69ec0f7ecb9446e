"""A street of apps behind one gate: those of the guide and whoami, as they stand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from urllib.parse import urlsplit

from tests.agent.caddy.front import NAVIGATE, Tls
from tests.agent.caddy.proxy import Proxy, documented
from tests.agent.examples.guide import ROOT, Guide, for_agent
from tests.agent.tools import listens, needed
from tests.agent.web.browser import (
    LOGIN_HOST,
    PASSWORD,
    SITE,
    Agent,
    Browser,
    Page,
    make_admin,
)

WHOAMI = ROOT / "examples" / "whoami" / "whoami.py"
START_LIMIT = 30.0
FILES = {
    "index.html": "<h1>Handbook</h1>",
    "press/kit.html": "<h1>Press kit</h1>",
    ".secret": "never",
}
_UPSTREAM = "reverse_proxy localhost:8000"
_GATE = "unix//run/auth-agent/gate/agent.sock"


@dataclass
class Street:
    """Everything between browsers and the apps."""

    folder: Path
    agent: Agent
    proxy: Proxy
    _undo: ExitStack
    _clients: list[Tls] = field(default_factory=list)

    @classmethod
    def start(cls, caddy: str) -> Street:
        """Start all of it, before a *caddy* of `CADDIES`."""
        binary = needed("caddy", own=caddy == "current")
        guide = Guide.read()
        with ExitStack() as undo:
            # Short: a socket's name may have 107 characters.
            folder = Path(tempfile.mkdtemp(prefix="apps-"))
            undo.callback(rmtree, folder)
            sites = [for_agent(guide, site) for site in guide.sites]
            agent = Agent.start("".join(sites))
            undo.callback(agent.remove)
            for name, text in FILES.items():
                file = folder / "srv/handbook" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            for process in _apps(guide, folder):
                undo.callback(_end, process)
            hosts = (LOGIN_HOST, SITE, *(site.host for site in guide.sites))
            text = _caddyfile(guide, folder, agent.gate)
            proxy = Proxy.serve(binary, text, hosts)
            undo.callback(proxy.stop)
            return cls(folder, agent, proxy, undo.pop_all())

    def stop(self) -> None:
        """End all of it."""
        for client in self._clients:
            client.close()
        self._undo.close()

    def browser(self) -> Browser:
        """Return a browser that was never here, at an address of its own."""
        self._clients.append(Tls(self.proxy))
        return Browser(self._clients[-1], f"127.2.0.{len(self._clients)}")

    def admin(self) -> Browser:
        """Return the browser of the first administrator, ada."""
        browser = self.browser()
        made = make_admin(self.agent).browser
        browser.cookies[LOGIN_HOST] = dict(made.cookies[LOGIN_HOST])
        return browser

    def member(self, name: str, role: str) -> Browser:
        """Return the browser of a new account with that *role*, logged in."""
        mail = f"{name}@example.com"
        path = self.agent.link("users", "add", name, name, mail, "--role", role)
        browser = self.browser()
        browser.submit(path, path, password=PASSWORD, again=PASSWORD)
        browser.submit("/login", "/login", to="", name=name, password=PASSWORD)
        return browser


def visit(browser: Browser, host: str, path: str = "/") -> Page:
    """Ask for a page of *host* as a browser does, through the handover if need be."""
    page = browser.ask("GET", host, path, headers=NAVIGATE)
    for _ in range(6):
        if page.status not in {302, 303}:
            return page
        place = urlsplit(page.header("location"))
        host = place.netloc or host
        target = place.path + (f"?{place.query}" if place.query else "")
        page = browser.ask("GET", host, target, headers=NAVIGATE)
    message = "redirected without end"
    raise AssertionError(message)


def _moved(text: str, folder: Path) -> str:
    """Return *text* with the places of a host below *folder*."""
    for place in ("/run/", "/srv/"):
        text = text.replace(place, f"{folder}{place}")
    return text


def _apps(guide: Guide, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start whoami and every app of the guide; wait until each listens."""
    for name, text in guide.files.items():
        (folder / name).write_text(_moved(text, folder))
    commands = [shlex.split(_moved(one, folder)) for one in guide.commands]
    commands.append([sys.executable, "-I", str(WHOAMI), str(folder / "run/whoami")])
    sockets = [folder / "run" / name for name in ("notes/app.sock", "chat/app.sock")]
    for socket in sockets:
        socket.parent.mkdir(parents=True)
    sockets.append(folder / "run/whoami")
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    log = folder / "log"
    for command in commands:
        with log.open("ab") as file:
            yield subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
    limit = time.monotonic() + START_LIMIT
    while not all(map(listens, sockets)):
        assert time.monotonic() < limit, log.read_text()
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)


def _caddyfile(guide: Guide, folder: Path, gate: Path) -> str:
    """Return the README's sites, with the app's once for each site of the guide."""
    login, app = documented().split("\n\n", 1)
    upstreams = {SITE: f"reverse_proxy unix/{folder}/run/whoami"}
    for site in guide.sites:
        upstream = str(site.upstream).replace("unix:", "unix/")
        upstreams[site.host] = f"reverse_proxy {upstream}"
        if upstream.startswith("/"):
            upstreams[site.host] = guide.caddyfile
    sites = [login.replace(_GATE, f"unix/{gate}")]
    for host, upstream in upstreams.items():
        text = app.replace(SITE, host).replace(_GATE, f"unix/{gate}")
        assert _UPSTREAM in text
        real = upstream if host == SITE else _moved(upstream, folder)
        sites.append(text.replace(_UPSTREAM, real))
    return "\n".join(sites)
