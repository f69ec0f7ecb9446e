"""The real process under real faults: it fails closed, and loses nothing it said."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.agent.web.browser import PASSWORD, SITE, Agent, command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROUNDS = 3
LANES = 4
WANTED = 12
"""Answers that are waited for before each kill."""


@pytest.fixture
def agent() -> Iterator[Agent]:
    """Return a running agent."""
    started = Agent.start()
    yield started
    started.remove()


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)


def try_to_log_in(agent: Agent, name: str, ip: str, password: str) -> int:
    """Send the login form once; return the answer's status."""
    browser = agent.browser(ip)
    return browser.submit(
        "/login", "/login", to="", name=name, password=password
    ).status


def spawn_apart(agent: Agent) -> subprocess.Popen[bytes]:
    """Start the agent in a process group of its own."""
    with (agent.folder / "log").open("ab") as log:
        return subprocess.Popen(
            [*command("serve"), "--config", str(agent.folder / "agent.toml")],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


class Storm:
    """Wrong logins, each from an address of its own, until it is stopped."""

    def __init__(self, agent: Agent, number: int) -> None:
        self._agent = agent
        self._over = threading.Event()
        self.answered: list[str] = []
        self._threads = [
            threading.Thread(target=self._lane, args=(f"10.{number}.{lane}",))
            for lane in range(LANES)
        ]
        for thread in self._threads:
            thread.start()

    def _lane(self, network: str) -> None:
        for at in range(250):
            if self._over.is_set():
                return
            ip = f"{network}.{at}"
            try:
                status = try_to_log_in(self._agent, f"nobody-{ip}", ip, "wrong")
            except (OSError, http.client.HTTPException, StopIteration):
                continue  # killed in the middle: nothing was promised
            if status == 401:
                self.answered.append(ip)

    def wait(self) -> None:
        """Wait until enough was answered."""
        until(lambda: len(self.answered) >= WANTED)

    def stop(self) -> None:
        """End it."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)


def test_kills_under_load_lose_nothing_that_was_answered(agent: Agent) -> None:
    """After SIGKILLs of the whole group every answered failure is recorded once."""
    agent.stop()
    answered: list[str] = []
    for number in range(ROUNDS):
        agent.process = spawn_apart(agent)
        agent.wait()
        storm = Storm(agent, number)
        storm.wait()
        os.killpg(agent.process.pid, signal.SIGKILL)
        agent.process.wait(20)
        storm.stop()
        answered += storm.answered
    agent.process = spawn_apart(agent)
    agent.wait()

    assert agent.run("audit", "verify").returncode == 0
    lines = agent.run("audit", "export", "--type", "login.failure").stdout.splitlines()
    recorded = Counter(json.loads(line)["ip"] for line in lines)
    assert len(answered) >= ROUNDS * WANTED
    assert {1} == {recorded[ip] for ip in answered}
    assert {1} == set(recorded.values())


def invited(agent: Agent, name: str) -> None:
    """Add an account that has accepted its invitation."""
    path = agent.link("users", "add", name, name.title(), f"{name}@example.com")
    done = agent.browser().submit(path, path, password=PASSWORD, again=PASSWORD)
    assert done.status == 303, done.text


def test_a_locked_database_lets_nobody_in_and_the_gate_goes_on(agent: Agent) -> None:
    """While another process holds it logins get 503; afterwards they work."""
    invited(agent, "ada")
    other = sqlite3.connect(agent.folder / "state/agent.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert 503 == try_to_log_in(agent, "ada", "192.0.2.1", PASSWORD)
        assert 200 == agent.browser().verify("/open").status
        assert 401 == agent.browser().verify("/").status
    finally:
        other.execute("ROLLBACK")
        other.close()

    assert 303 == try_to_log_in(agent, "ada", "192.0.2.1", PASSWORD)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)],
        check=True,
    )
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_lets_nobody_in_and_nothing_is_lost(
    agent: Agent, small_disk: Path
) -> None:
    """Logins get 503 until there is room; the chain is whole, health says so."""
    agent.stop()
    config = agent.folder / "agent.toml"
    text = config.read_text().replace(f"{agent.folder}/state", str(small_disk))
    config.write_text(text)
    agent.process = Agent.spawn(agent.folder)
    agent.wait()
    invited(agent, "ada")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                break

    statuses = [
        try_to_log_in(agent, "ada", f"192.0.2.{number}", PASSWORD)
        for number in range(3)
    ]
    assert {503} == set(statuses)
    assert 200 == agent.browser().verify("/open").status
    assert 401 == agent.browser().verify("/").status
    filler.unlink()
    until(lambda: try_to_log_in(agent, "ada", "192.0.2.9", PASSWORD) == 303)

    assert agent.run("audit", "verify").returncode == 0
    lines = agent.run("audit", "export", "--type", "login.success").stdout.splitlines()
    assert len(lines) >= 1
    assert SITE in text


@pytest.mark.parametrize("name", ["agent", "control", "metrics"])
def test_an_agent_that_nobody_can_reach_ends_and_says_why(
    agent: Agent, name: str
) -> None:
    """A socket that was taken away cannot be put back: whoever starts it must."""
    (agent.folder / "run" / f"{name}.sock").unlink()

    assert 1 == agent.process.wait(60)
    assert f"run/{name}.sock was taken away" in agent.log
    agent.process = Agent.spawn(agent.folder)
    agent.wait()
    assert 401 == agent.browser().verify("/").status


def test_a_socket_in_place_of_the_agents_own_is_noticed(agent: Agent) -> None:
    """Something else that listens there would be asked instead."""
    agent.gate.rename(agent.gate.with_suffix(".moved"))
    agent.gate.touch()

    assert 1 == agent.process.wait(60)
