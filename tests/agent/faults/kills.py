"""An agent that is killed again and again in the middle of what it records."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from auth_agent.audit import keys, segments
from auth_agent.audit.verify import Verdict, verify
from auth_agent.config.secrets import read_secret
from auth_agent.serving.questions import Answer, Question

from tests.agent.web.browser import Agent

LANES = 8
"""Connections that ask for changes at the same time."""

LIMIT = 30.0
"""Seconds that a burst may take until its kill is due."""


def ask(agent: Agent, *questions: Question) -> list[Answer]:
    """Return the last answer to each question at the control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(LIMIT)
        connection.connect(str(agent.folder / "run" / "control.sock"))
        stream = connection.makefile("rwb")
        found = []
        for question in questions:
            stream.write(msgspec.json.encode(question) + b"\n")
            stream.flush()
            found.append(msgspec.json.decode(stream.readline(), type=Answer))
        return found


@dataclass
class Killed:
    """What was acknowledged, and what log and database hold in the end: ids."""

    acknowledged: list[str]
    recorded: Counter[str]
    kept: set[str]
    verdict: Verdict

    @property
    def lost(self) -> list[str]:
        """What was acknowledged and is not there, or not recorded exactly once."""
        return [
            one
            for one in self.acknowledged
            if self.recorded[one] != 1 or one not in self.kept
        ]

    @property
    def unrecorded(self) -> set[str]:
        """Changes that were made, acknowledged or not, without a record."""
        return self.kept - set(self.recorded)


@dataclass
class Burst:
    """Invitations from many lanes, until one number of them was acknowledged."""

    socket: Path
    run: int
    wanted: int
    acknowledged: list[str] = field(default_factory=list)
    wrong: list[Answer] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def lane(self, lane: int) -> None:
        """Ask for one change after another until the agent is gone."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(LIMIT)
                connection.connect(str(self.socket))
                stream = connection.makefile("rwb")
                number = 0
                while True:
                    name = f"u{self.run}-{lane}-{number}"
                    stream.write(msgspec.json.encode(invitation(name)) + b"\n")
                    stream.flush()
                    line = stream.readline()
                    if not line.endswith(b"\n"):
                        return
                    answer = msgspec.json.decode(line, type=Answer)
                    if not answer.done:
                        self.wrong.append(answer)
                        self.enough.set()
                        return
                    self.acknowledged.append(_made(answer))
                    if len(self.acknowledged) >= self.wanted:
                        self.enough.set()
                    number += 1
        except OSError:  # it was killed
            return


def invitation(name: str) -> Question:
    """Return the question that invites a viewer."""
    given = {"name": name, "display_name": name, "email": f"{name}@example.com"}
    return Question("users.invite", {**given, "role": "viewer"})


class _User(msgspec.Struct):
    id: str


class _Invited(msgspec.Struct):
    user: _User


def _made(answer: Answer) -> str:
    """Return the id of the account that was made."""
    return msgspec.convert(answer.ok, _Invited).user.id


def kill_again_and_again(agent: Agent, kills: int, *, seed: int = 1) -> Killed:
    """Kill *agent* in the middle of *kills* bursts; it must start again by itself.

    The last start is left running.
    """
    dice = random.Random(seed)  # noqa: S311 - to be the same in every run
    acknowledged: list[str] = []
    for run in range(kills):
        burst = Burst(agent.folder / "run" / "control.sock", run, dice.randint(1, 60))
        lanes = [
            threading.Thread(target=burst.lane, args=(lane,)) for lane in range(LANES)
        ]
        for lane in lanes:
            lane.start()
        assert burst.enough.wait(LIMIT), agent.log
        assert burst.wrong == [], agent.log
        # It is one process; nothing of it outlives this.
        assert not list(_children(agent.process.pid))
        os.kill(agent.process.pid, signal.SIGKILL)
        agent.process.wait(20)
        for thread in lanes:
            thread.join(LIMIT)
        acknowledged += burst.acknowledged
        agent.process = Agent.spawn(agent.folder)
        agent.wait()
    return _looked_at(agent, acknowledged)


def _looked_at(agent: Agent, acknowledged: list[str]) -> Killed:
    """Stop the agent, look at what it left, and start it once more."""
    assert agent.stop() == 0
    folder = agent.folder / "state" / "audit"
    derived = keys.derive(read_secret(agent.folder / "secret"))
    verdict = verify(folder, derived)
    agent.process = Agent.spawn(agent.folder)
    agent.wait()
    return Killed(acknowledged, _invited(folder), _kept(agent), verdict)


def _invited(folder: Path) -> Counter[str]:
    """Return how often the invitation of each account is recorded."""
    found: Counter[str] = Counter()
    for segment in segments.segments(folder):
        for line in segments.lines(segment.path):
            if b'"event":"user.invite"' in line:
                found[json.loads(line)["target"]["id"]] += 1
    return found


def _kept(agent: Agent) -> set[str]:
    """Return the accounts in the database."""
    connection = sqlite3.connect(agent.folder / "state" / "agent.db")
    rows = connection.execute("SELECT id FROM users").fetchall()
    connection.close()
    return {str(row[0]) for row in rows}


def _children(pid: int) -> Iterator[str]:
    """Give the processes that *pid* started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        except OSError:  # it has ended
            continue
        if int(parent) == pid:
            yield stat.parent.name
