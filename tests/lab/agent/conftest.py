"""Hosts with a guarded site: the real agent by the real topic, behind a real Caddy.

Keepgate runs from a copy of the project, so that a test can have another version of
the agent.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from deploys.caddy import places
from keepgate import lab
from keepgate.inventory import home
from tests.agent.accounts.mailserver import PASSWORD as MAIL_PASSWORD
from tests.agent.accounts.mailserver import USER, MailServer
from tests.agent.caddy.front import visit
from tests.agent.web.browser import LOGIN_HOST, PASSWORD, SITE, Browser, enrol
from tests.lab.agent.outside import Outside
from tests.lab.commands.conftest import OPERATOR, Outcome, write_inventory
from tests.lab.waiting import eventually
from tests.unit.caddy import stubs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost
    from tests.agent.web.browser import Member, Page

PROJECT = Path(__file__).parents[3]
TOPICS = ("agent", "caddy")
BASE = ("accounts", "ssh", "firewall")
MAIL_HOST = "mail.kg.test"
SECONDS = 420.0
"""For one command; wheels are fetched and pushed on a busy machine."""

_PARTS = ("keepgate", "deploys", "templates", "auth_agent", "tests/hosts")
_APP = "/run/app/app.sock"


REOPEN = """\
systemctl stop auth-agent-seal.path auth-agent-seal.timer auth-agent-seal.service
python3 -I - {} <<'FLAG'
import fcntl, os, struct, sys
for path in sys.argv[1:]:
    file = os.open(path, os.O_RDONLY)
    kept = struct.unpack("l", fcntl.ioctl(file, 0x80086601, bytes(8)))[0] & ~0x20
    fcntl.ioctl(file, 0x40086602, struct.pack("l", kept))
FLAG
"""
"""Sh that lets files be changed again, as chattr(1) would; hosts need not have that.

Nobody has them append-only again until the agent is started anew.
"""


@dataclass
class Guarded:
    """One host, the copy of the project that works on it, and its administrator."""

    host: LabHost
    folder: Path
    project: Path
    mail: MailServer
    source: str = "auto"
    ada: Member = field(init=False)

    @property
    def password(self) -> Path:
        """The file on this machine with the mail server's password."""
        return self.folder / "mail-password"

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check).strip()

    def begin(
        self, verb: str, *words: str, topics: tuple[str, ...] = TOPICS
    ) -> subprocess.Popen[str]:
        """Begin a command of Keepgate's copy on *topics*."""
        login = {"host": LOGIN_HOST, "tls": "internal"}
        site = {"host": SITE, "upstream": f"unix:{_APP}", "tls": "internal"}
        mail = {
            "host": MAIL_HOST,
            "port": self.mail.port,
            "sender": "auth@kg.test",
            "user": USER,
            "password_file": str(self.password),
        }
        inventory = write_inventory(
            self.folder / "inventory.yml",
            [self.host],
            sites=[{**site, "assertion": True}],
            caddy={"login": login},
            agent={"mail": mail, "source": self.source},
        )
        only = [word for topic in topics for word in ("--only", topic)]
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "keepgate", verb, str(inventory)),
                *(*only, "--json", *words),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(self.project)},
        )

    def run(self, verb: str, *words: str, topics: tuple[str, ...] = TOPICS) -> Outcome:
        """Run a command of Keepgate's copy on *topics*."""
        with self.begin(verb, *words, topics=topics) as process:
            try:
                out, err = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()  # else leaving the block would wait for it for ever
                raise
        return Outcome(process.returncode, out, err)

    def apply(self, topics: tuple[str, ...] = TOPICS) -> Outcome:
        """Apply, which must go well."""
        done = self.run("apply", topics=topics)
        assert done.code == 0, f"{done.out}\n{done.err}"
        return done

    def on_terminal(self, command: str) -> str:
        """Run *command* as root on a terminal of the host, over SSH."""
        done = subprocess.run(
            [
                *("ssh", "-tt", "-F", "/dev/null", "-i", str(self.host.key)),
                *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
                *("-o", f"UserKnownHostsFile={home() / 'lab/known_hosts'}"),
                *(f"{OPERATOR}@{self.host.address4}", f"sudo -n {command}"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def outside(self) -> Outside:
        """The way to its sites."""
        root = self.sh(f"cat {places.ROOT}")
        context = ssl.create_default_context(cadata=root)
        return Outside(self.host.address4, context)

    def browser(self) -> Browser:
        """A browser that has no cookie yet."""
        return Browser(self.outside)

    def start_app(self) -> None:
        """Have the app behind the gate, which no restart of the host brings back."""
        self.sh(
            "systemd-run --quiet --collect --unit=stub-app"
            f" python3 /srv/stubs.py app {_APP}"
        )
        eventually(lambda: self.sh(f"test -S {_APP} && echo y", check=False), _APP)

    def cut_power(self) -> None:
        """Have the host end as it stands, and boot again; return when SSH answers."""
        self.host = lab.start(lab.stop(self.host, clean=False))
        self.sh("systemctl is-system-running --wait", check=False)
        self.start_app()

    def make_admin(self) -> Member:
        """Make the first administrator by the link that a terminal shows."""
        shown = self.on_terminal("auth-agent first-admin")
        found = re.search(r"https://\S+", shown)
        assert found is not None, shown
        path, browser = urlsplit(found[0]).path, self.browser()
        made = browser.submit(
            path,
            path,
            name="ada",
            display_name="Ada",
            email="ada@example.com",
            password=PASSWORD,
            again=PASSWORD,
        )
        assert made.status == 303, made.text
        browser.submit("/login", "/login", to="", name="ada", password=PASSWORD)
        return enrol(browser, "ada")

    def known(self) -> Browser:
        """A browser that is logged in, and has a session at the site."""
        page = visit(self.ada.browser, "/x")
        assert page.status == 200, page.text
        return self.ada.browser

    @property
    def release(self) -> str:
        """The name of the environment that the agent runs from."""
        return Path(self.sh("readlink /opt/auth-agent/current")).name


def told(done: Outcome) -> str:
    """Return all that a command tells of its host."""
    return json.dumps(done.only, ensure_ascii=False)


def who(page: Page) -> str:
    """Return who the app was told has come."""
    assert page.status == 200, page.text
    sent = json.loads(page.text)
    assert sent["who"] == "app"
    names = {key.lower(): str(value) for key, value in sent["headers"]}
    return names["remote-user"]


@contextmanager
def _guarded(folder: Path, release: str) -> Iterator[Guarded]:
    name = f"login-{secrets.token_hex(3)}"
    project = folder / "project"
    for part in _PARTS:
        shutil.copytree(
            PROJECT / part,
            project / part,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy(PROJECT / "pyproject.toml", project)
    (host,) = lab.up([name], release=release)
    gateway = lab.execute(host, "ip -4 route show default").split()[2]
    mail = MailServer.start(folder, address=gateway, name=MAIL_HOST)
    try:
        made = Guarded(host, folder, project, mail)
        made.password.touch(mode=0o600)
        made.password.write_text(f"{MAIL_PASSWORD}\n")
        made.sh(
            f"echo {gateway} {MAIL_HOST} >>/etc/hosts\n"
            "cat >/usr/local/share/ca-certificates/mail.crt <<'PEM'\n"
            f"{mail.authority.read_text()}PEM\nupdate-ca-certificates"
        )
        stub = Path(stubs.__file__).read_text()
        made.sh(f"cat >/srv/stubs.py <<'STUBS'\n{stub}STUBS")
        made.start_app()
        done = made.apply((*BASE, *TOPICS))
        assert "first-admin" in done.out
        made.ada = made.make_admin()
        yield made
    finally:
        mail.stop()
        lab.down([name])


@pytest.fixture(scope="session")
def trixie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A Debian 13 host with a guarded site."""
    with _guarded(tmp_path_factory.mktemp("login"), "trixie") as made:
        yield made


@pytest.fixture(scope="session")
def bookworm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A Debian 12 host with a guarded site."""
    with _guarded(tmp_path_factory.mktemp("login"), "bookworm") as made:
        yield made


@pytest.fixture(
    params=[
        pytest.param("trixie", marks=pytest.mark.xdist_group("agent-trixie")),
        pytest.param("bookworm", marks=pytest.mark.xdist_group("agent-bookworm")),
    ]
)
def either(request: pytest.FixtureRequest) -> Guarded:
    """A host of each release; those of one group share it."""
    found: Guarded = request.getfixturevalue(request.param)
    return found
