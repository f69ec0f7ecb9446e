"""Checkpoints leave the agent's reach, and show that a log's tail was cut off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.web.browser import Agent, command

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def agent() -> Iterator[Agent]:
    """Return a running agent."""
    started = Agent.start()
    yield started
    started.remove()


def said(agent: Agent) -> list[dict[str, Any]]:
    """Return the checkpoints that the agent's log has."""
    lines = [json.loads(line) for line in agent.log.splitlines()]
    return [line for line in lines if line["message"] == "audit checkpoint"]


def segment(agent: Agent) -> Path:
    """Return the file that the audit log is written to."""
    [path] = (agent.folder / "state/audit").glob("*.jsonl")
    return path


def act(agent: Agent) -> None:
    """Do what is recorded, a few times."""
    for _ in range(4):
        assert agent.run("audit", "tail").returncode == 0


def noted(made: dict[str, Any]) -> list[str]:
    """Return the options by which a log is checked against a checkpoint."""
    return [f"--{name}={value}" for name, value in made.items() if name in NOTED]


NOTED = {"segment", "seq", "hash"}


def test_a_quiet_log_still_has_every_checkpoint(agent: Agent) -> None:
    """Whatever the level: each in the log on standard output, as it was signed."""
    agent.stop()
    config = agent.folder / "agent.toml"
    text = config.read_text().replace("[server]", '[server]\nlog_level = "error"')
    config.write_text(text)
    (agent.folder / "log").unlink()
    agent.process = Agent.spawn(agent.folder)
    agent.wait()
    agent.stop()

    lines = [json.loads(line) for line in segment(agent).read_text().splitlines()]
    records = [one for one in lines if one["event"] == "system.audit_checkpoint"]
    [made] = said(agent)
    assert made.items() >= records[-1]["details"].items()
    assert {"audit checkpoint"} == {
        json.loads(line)["message"] for line in agent.log.splitlines()
    }


def test_a_cut_off_tail_is_noticed(agent: Agent) -> None:
    """A log that ends before a noted checkpoint, however whole it looks."""
    path = segment(agent)
    whole = path.read_bytes()
    act(agent)
    agent.stop()
    [made] = said(agent)
    assert agent.run("audit", "verify", *noted(made)).returncode == 0

    path.write_bytes(whole)
    assert agent.run("audit", "verify").returncode == 0
    path.write_bytes(whole)
    found = agent.run("audit", "verify", *noted(made), "--json")

    assert found.returncode == 1
    [fault] = json.loads(found.stdout)["faults"]
    assert any(
        words in fault["reason"] for words in ("before the pinned", "was pinned")
    )


def test_a_log_that_grew_again_is_noticed(agent: Agent) -> None:
    """New records in the place of those cut off do not hide it."""
    path = segment(agent)
    whole = path.read_bytes()
    act(agent)
    agent.stop()
    [made] = said(agent)
    path.write_bytes(whole)
    act(agent)

    found = agent.run("audit", "verify", *noted(made), "--json")

    assert found.returncode == 1
    [fault] = json.loads(found.stdout)["faults"]
    assert "differs from what was pinned" == fault["reason"]


_IN_A_JOURNAL = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

folder, agent = sys.argv[1], sys.argv[2:]
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
machine = Path("/etc/machine-id").read_text().strip()
os.makedirs(f"/run/log/journal/{machine}")
os.makedirs("/run/systemd/journal")
journald = subprocess.Popen(["/lib/systemd/systemd-journald"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    limit = time.monotonic() + 30
    while not os.path.exists("/run/systemd/journal/socket"):
        assert journald.poll() is None and time.monotonic() < limit
        time.sleep(0.05)
    serving = subprocess.Popen(["systemd-cat", "-t", "the-agent", *agent, "serve",
                                "--config", folder + "/agent.toml"])
    while not os.path.exists(folder + "/run/agent.sock"):
        assert serving.poll() is None and time.monotonic() < limit
        time.sleep(0.05)
    serving.terminate()
    assert serving.wait(20) == 0
    subprocess.run([*agent, "status", "--config", folder + "/agent.toml"],
                   check=True, stdout=subprocess.DEVNULL)
    def found(*words):
        done = subprocess.run(["journalctl", "-D", "/run/log/journal", "-o", "json",
                               *words], capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        stdout = [one for one in found("-t", "the-agent")
                  if "audit checkpoint" in one["MESSAGE"]]
        sent = [one for one in found("-t", "auth-agent") if "AUDIT_SEQ" in one]
        if stdout and sent:
            break
        time.sleep(0.1)
    print(json.dumps({"stdout": [json.loads(one["MESSAGE"]) for one in stdout],
                      "sent": sent}))
finally:
    journald.terminate()
    journald.wait(20)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give journald a /run")
def test_a_real_journal_has_them(agent: Agent) -> None:
    """Of the server by its standard output, of a command by journald's own socket."""
    agent.stop()
    before = len(segment(agent).read_bytes().splitlines())
    done = subprocess.run(
        [
            *("unshare", "--mount", "--propagation", "private"),
            *(sys.executable, "-c", _IN_A_JOURNAL, str(agent.folder), *command()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    lines = segment(agent).read_bytes().splitlines()[before:]
    records = [json.loads(line) for line in lines]
    made = [
        one["details"] for one in records if one["event"] == "system.audit_checkpoint"
    ]
    journal = json.loads(done.stdout)
    assert 2 == len(made)
    assert journal["stdout"][0].items() >= made[0].items()
    sent = journal["sent"][-1]
    assert str(made[1]["seq"]) == sent["AUDIT_SEQ"]
    assert made[1]["hash"] == sent["AUDIT_HASH"]
    assert made[1]["signature"] == sent["AUDIT_SIGNATURE"]
