"""The disk is full, the log cannot grow, the database is locked, the clock is wrong.

Each at the real process, but for the clock: whoever has a session goes on, nobody
gets in, no change is acknowledged, and when the fault is gone all is well again
without anybody's help. No root is needed: a file that may not grow is to a program
what a full disk is (setrlimit(2), RLIMIT_FSIZE), also in that a write is cut short.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from auth_agent.audit import keys
from auth_agent.audit.verify import Verdict, verify
from auth_agent.config.secrets import read_secret
from auth_agent.serving.questions import Answer, Question

from tests.agent.conftest import World
from tests.agent.faults.kills import ask, invitation
from tests.agent.web.browser import (
    LOGIN_HOST,
    PASSWORD,
    Agent,
    Browser,
    Socket,
    command,
)
from tests.agent.web.inside import Inside

NAME = "eve"
NAVIGATION = {"Sec-Fetch-Mode": "navigate"}
LINES = 400
"""Records that make the log longer than what the database will write."""


class Link(msgspec.Struct):
    """What an invitation gives."""

    url: str


@dataclass
class Running:
    """An agent, a viewer, and the viewer's browser, which has a session at the site."""

    agent: Agent
    browser: Browser

    def gate(self) -> set[int]:
        """Return what the gate answers to somebody known, and to nobody."""
        nobody = self.agent.browser()
        return {self.browser.verify("/").status, nobody.verify("/").status}

    def login(self) -> tuple[int, bool]:
        """Return how a right password is answered, and whether it opened a login."""
        browser = self.agent.browser("192.0.2.77")
        answer = browser.submit("/login", "/login", to="", name=NAME, password=PASSWORD)
        return answer.status, "__Host-auth-login" in browser.cookies[LOGIN_HOST]

    def invite(self, name: str) -> Answer:
        """Return the answer to an operator who invites somebody."""
        return ask(self.agent, invitation(name))[0]

    def health(self) -> int:
        """Return what the process says of itself."""
        metrics = Socket(self.agent.folder / "run" / "metrics.sock")
        return metrics("GET", "/health", {}, "").status


@pytest.fixture
def running() -> Iterator[Running]:
    """Return a running agent and a viewer who has a session at the site."""
    agent = Agent.start()
    made = msgspec.convert(ask(agent, invitation(NAME))[0].ok, Link)
    path = urlsplit(made.url).path
    browser = agent.browser()
    browser.submit(path, path, password=PASSWORD, again=PASSWORD)
    browser.submit("/login", "/login", to="", name=NAME, password=PASSWORD)
    browser.follow(browser.verify("/", headers=NAVIGATION))
    yield Running(agent, browser)
    agent.remove()


@contextmanager
def no_file_beyond(agent: Agent, size: int) -> Iterator[None]:
    """Let no file of the process grow beyond *size* bytes while this lasts."""
    pid = agent.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def disk_full(running: Running) -> Iterator[None]:
    """Leave neither database nor log a byte to grow."""
    with no_file_beyond(running.agent, 4096):
        yield


@contextmanager
def log_full(running: Running) -> Iterator[None]:
    """Leave the log too little for a record; the database has room."""
    agent = running.agent
    ask(agent, *[Question("audit.review")] * LINES)
    (segment,) = (agent.folder / "state" / "audit").glob("*.jsonl")
    connection = sqlite3.connect(agent.folder / "state" / "agent.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with no_file_beyond(agent, segment.stat().st_size + 100):
        yield


@contextmanager
def database_locked(running: Running) -> Iterator[None]:
    """Hold the database's lock, as a foreign program might."""
    path = running.agent.folder / "state" / "agent.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def chain(agent: Agent) -> Verdict:
    """Stop the agent and return what a check of its log finds."""
    assert agent.stop() == 0
    derived = keys.derive(read_secret(agent.folder / "secret"))
    return verify(agent.folder / "state" / "audit", derived)


def kept(agent: Agent) -> set[str]:
    """Return the names in the database."""
    connection = sqlite3.connect(agent.folder / "state" / "agent.db")
    rows = connection.execute("SELECT name FROM users").fetchall()
    connection.close()
    return {str(row[0]) for row in rows}


@pytest.mark.parametrize("fault", [disk_full, log_full, database_locked])
def test_it_fails_closed_and_comes_back(
    running: Running, fault: Callable[[Running], AbstractContextManager[None]]
) -> None:
    """Sessions go on; nobody gets in and nothing changes; then all is well again."""
    agent = running.agent
    assert running.invite("before").done
    with fault(running):
        assert {200, 401} == running.gate()
        assert (503, False) == running.login()
        refused = running.invite("meanwhile")
        assert "store_unavailable" == refused.error, refused
        assert refused.fix
        assert {200, 401} == running.gate()
        assert 503 == running.health()

    assert (303, True) == running.login()
    assert running.invite("after").done
    assert 200 == running.health()
    assert {200, 401} == running.gate()
    verdict = chain(agent)
    assert () == verdict.faults
    assert int(fault is log_full) == min(verdict.torn, 1)
    text = b"".join(
        path.read_bytes() for path in (agent.folder / "state" / "audit").iterdir()
    )
    for name in kept(agent):  # whether or not it was acknowledged, it is recorded
        assert b'"name":"%s"' % name.encode() in text, name


def test_a_start_on_a_full_disk_says_why(tmp_path: Path) -> None:
    """It ends with a message and serves nothing; with room it starts."""
    agent = Agent.start()
    assert agent.stop() == 0
    full = subprocess.run(
        [
            "prlimit",
            "--fsize=512",
            *command("serve", "--config", str(agent.folder / "agent.toml")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    agent.process = Agent.spawn(agent.folder)
    agent.wait()

    assert full.returncode not in {0, 1}, full.stderr
    assert "Traceback" not in full.stdout + full.stderr
    assert agent.browser().get("/login").status == 200
    agent.remove()


def test_a_clock_set_back_lets_nobody_in(world: World) -> None:
    """Logins are refused with 503, sessions go on, and it is well when time is."""
    inside = Inside.of(world)
    ada = world.person("ada")
    known = inside.sign_in(ada)
    known.follow(known.verify("/", headers=NAVIGATION))
    world.clock.set_back(3_600)

    refused = inside.browser().submit(
        "/login", "/login", to="", name="ada", password=ada.password
    )
    assert 503 == refused.status
    assert 200 == known.verify("/").status
    assert 401 == inside.browser().verify("/").status
    world.clock.set_back(-3_600)
    assert inside.sign_in(ada).get("/account").status == 200
