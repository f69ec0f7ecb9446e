"""A real agent on unix sockets, and a browser that reaches it as Caddy would."""

from __future__ import annotations

import html
import http.client
import json
import os
import pty
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import pyotp
from typing_extensions import override

LOGIN_HOST = "auth.example.com"
SITE = "app.example.com"
PASSWORD = "velvet tramp owl sock"  # noqa: S105 - of accounts that tests make
START_LIMIT = 20.0

CONFIG = """
[login]
host = "auth.example.com"
[server]
listen = "{folder}/run/agent.sock"
control = "{folder}/run/control.sock"
metrics = "{folder}/run/metrics.sock"
state = "{folder}/state"
audit = "{folder}/state/audit"
secret_file = "{folder}/secret"
[[sites]]
host = "app.example.com"
public = ["/open"]
"""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    @override
    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(str(self._path))


@dataclass
class Page:
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str:
        """Return the first header of that name, empty without one."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def fields(self) -> dict[str, str]:
        """The hidden fields of the page's first form that has a token."""
        form = next(
            part for part in self.text.split("<form")[1:] if 'name="csrf"' in part
        ).partition("</form>")[0]
        found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
        return {name: html.unescape(value) for name, value in found}

    @property
    def json(self) -> dict[str, object]:
        """The answer as a JSON object."""
        data = json.loads(self.text)
        assert isinstance(data, dict)
        return data


class Transport(Protocol):
    """Sends one request to an agent."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> Page:
        """Return the answer."""
        ...


@dataclass
class Socket:
    """The way over a unix socket."""

    path: Path

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> Page:
        """Return the answer."""
        connection = UnixConnection(self.path)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            pairs = [(name.lower(), value) for name, value in answer.getheaders()]
            return Page(answer.status, pairs, answer.read().decode())
        finally:
            connection.close()


@dataclass
class Browser:
    """Keeps cookies per host and follows no redirect by itself."""

    send: Transport
    ip: str = "192.0.2.1"
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        host: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> Page:
        """Send one request through the proxy and keep the cookies it sets."""
        jar = self.cookies.setdefault(host, {})
        sent = {
            "Host": host,
            "X-Forwarded-For": self.ip,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": host,
            "User-Agent": "Browser/1",
        }
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={text}" for name, text in jar.items())
        page = self.send(method, path, {**sent, **(headers or {})}, body)
        pairs = page.headers
        for name, value in pairs:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                text, _, attributes = rest.partition(";")
                jar[key] = text
                if "Max-Age=0" in attributes:
                    del jar[key]
        return page

    def get(self, path: str, host: str = LOGIN_HOST) -> Page:
        """Look at a page."""
        return self.ask("GET", host, path)

    def post(
        self, path: str, fields: Mapping[str, str], *, host: str = LOGIN_HOST
    ) -> Page:
        """Send a form of one of the agent's own pages."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"https://{host}",
            "Sec-Fetch-Site": "same-origin",
        }
        return self.ask("POST", host, path, headers=headers, body=urlencode(fields))

    def submit(self, page: str, action: str, **fields: str) -> Page:
        """Load *page* and send its form to *action* with *fields* filled in."""
        csrf = self.get(page).fields["csrf"]
        return self.post(action, {"csrf": csrf, **fields})

    def follow(self, page: Page) -> Page:
        """Go where *page* sends the browser, until it is a page."""
        host = LOGIN_HOST
        for _ in range(6):
            place = urlsplit(page.header("location"))
            host = place.netloc or host
            page = self.ask("GET", host, f"{place.path}?{place.query}")
            if page.status not in {302, 303}:
                return page
        message = "redirected without end"
        raise AssertionError(message)

    def verify(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """Ask for *path* of the site, as `forward_auth` asks the gate."""
        more = {"X-Forwarded-Uri": path, "X-Forwarded-Method": method}
        sent = {"X-Forwarded-Host": SITE, **more, **(headers or {})}
        return self.ask("GET", SITE, "/verify", headers=sent)


@dataclass
class Agent:
    """A running agent in a folder of its own."""

    folder: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, more: str = "") -> Agent:
        """Start one, with *more* in its configuration, and wait until it answers."""
        # Short: a socket's name may have 107 characters.
        folder = Path(tempfile.mkdtemp(prefix="agent-"))
        (folder / "run").mkdir(mode=0o750)
        secret = folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(32))
        (folder / "agent.toml").write_text(CONFIG.format(folder=folder) + more)
        agent = cls(folder, cls.spawn(folder))
        agent.wait()
        return agent

    @staticmethod
    def spawn(folder: Path) -> subprocess.Popen[bytes]:
        """Start the process; its output goes to `log`."""
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command("serve"), "--config", str(folder / "agent.toml")],
                stdout=log,
                stderr=log,
            )

    @property
    def gate(self) -> Path:
        """The socket that Caddy would use."""
        return self.folder / "run" / "agent.sock"

    @property
    def log(self) -> str:
        """All that the process has written."""
        return (self.folder / "log").read_text()

    def browser(self, ip: str = "192.0.2.1") -> Browser:
        """Return a browser that was never here."""
        return Browser(Socket(self.gate), ip)

    def wait(self) -> None:
        """Return when the agent answers."""
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            assert self.process.poll() is None, self.log
            try:
                self.browser().get("/login")
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(self.log)

    def stop(self) -> int:
        """Stop it as systemd does; return the exit status."""
        self.process.terminate()
        return self.process.wait(20)

    def remove(self) -> None:
        """End it and remove its folder."""
        self.process.kill()
        self.process.wait(20)
        shutil.rmtree(self.folder)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the agent; its output is no terminal."""
        return subprocess.run(
            [*command(*words), "--config", str(self.folder / "agent.toml")],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def on_terminal(self, *words: str) -> str:
        """Run a command on a terminal; return what it shows."""
        main, other = pty.openpty()
        process = subprocess.Popen(
            [*command(*words), "--config", str(self.folder / "agent.toml")],
            stdin=other,
            stdout=other,
            stderr=other,
        )
        os.close(other)
        shown = b""
        try:
            while data := os.read(main, 4096):
                shown += data
        except OSError:  # Linux' way to say that the terminal was closed
            pass
        finally:
            os.close(main)
        assert process.wait(30) == 0, shown
        return shown.decode()

    def link(self, *words: str) -> str:
        """Run a command that shows a link; return the link's path."""
        shown = self.on_terminal(*words)
        found = re.search(r"https://\S+", shown)
        assert found is not None, shown
        return urlsplit(found[0]).path


@dataclass
class Member:
    """An account with an authenticator app, and the browser it is logged in with."""

    name: str
    browser: Browser
    secret: str
    codes: tuple[str, ...]
    used: int = 0

    def code(self) -> str:
        """Return a code that was not used yet; at most one step ahead of time."""
        step = max(int(time.time()) // 30, self.used + 1)
        limit = time.monotonic() + 40
        while step > int(time.time()) // 30 + 1 and time.monotonic() < limit:
            time.sleep(0.2)
        self.used = step
        return pyotp.TOTP(self.secret).at(step * 30)


def command(*words: str) -> list[str]:
    """Return the command line of an `auth-agent` command."""
    return [sys.executable, "-m", "auth_agent", *words]


def enrol(browser: Browser, name: str) -> Member:
    """Do what a fresh login owes: set up the authenticator app."""
    shown = browser.submit("/duty", "/do/me.totp-begin", to="")
    secret = re.findall(r'class="secret">([A-Z2-7]+)<', shown.text)[0]
    member = Member(name, browser, secret, ())
    done = browser.post(
        "/do/me.totp-confirm",
        {"csrf": shown.fields["csrf"], "to": "", "code": member.code()},
    )
    assert done.status == 200, done.text
    member.codes = tuple(re.findall(r"<li><code>([^<]+)</code>", done.text))
    return member


def make_admin(agent: Agent, name: str = "ada") -> Member:
    """Make the first administrator, enrolled and logged in."""
    path = agent.link("first-admin")
    browser = agent.browser()
    made = browser.submit(
        path,
        path,
        name=name,
        display_name="Ada",
        email=f"{name}@example.com",
        password=PASSWORD,
        again=PASSWORD,
    )
    assert made.status == 303, made.text
    browser.submit("/login", "/login", to="", name=name, password=PASSWORD)
    return enrol(browser, name)
