"""What is sent to a host to look at the audit log, tried on logs of the real agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from auth_agent.audit import keys, retention, segments
from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.log import AuditLog
from auth_agent.audit.record import Actor, Record
from auth_agent.audit.verify import verify
from auth_agent.clock import ManualClock, to_micros

from deploys.common.errors import KeepgateError
from keepgate.engine import agenthost, auditpins
from keepgate.engine.agenthost import Log

if TYPE_CHECKING:
    from deploys.edge import Target

KEYS = keys.derive(b"k" * 32)
DAY = 86_400
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def opened(
    folder: Path, *, clock: ManualClock | None = None, size: int = 1 << 26
) -> AuditLog:
    """Return the agent's own log in *folder*."""
    log = AuditLog(
        folder,
        keys=KEYS,
        clock=clock or ManualClock(),
        announce=lambda _: None,
        segment_bytes=size,
    )
    log.open()
    return log


def add(log: AuditLog, count: int, name: str = "ada") -> None:
    """Have *log* tell *count* things more."""
    actor = Actor(ActorKind.CLI, name=name)
    for _ in range(count):
        log.record(Record(Event.USER_UPDATE, Outcome.SUCCESS, actor))


def filled(folder: Path, count: int = 10, *, size: int = 1 << 26) -> dict[str, Any]:
    """Make a log of *count* records; return its end."""
    log = opened(folder, size=size)
    add(log, count)
    log.close()
    told = Log(folder).look(None)
    assert "" == told["wrong"]
    return dict(told["end"])


def test_the_end_is_what_the_agent_says_it_is(tmp_path: Path) -> None:
    """Segment, number and hash are those of the agent's own check."""
    end = filled(tmp_path, 40, size=2000)

    verdict = verify(tmp_path, KEYS)
    assert end == {"segment": verdict.end_segment, **asdict(verdict.end)}


def test_a_log_that_has_grown_holds(tmp_path: Path) -> None:
    """However many records and segments there are behind what was pinned."""
    pin = filled(tmp_path, 3)
    log = opened(tmp_path, size=2000)
    add(log, 40)
    log.close()

    told = Log(tmp_path).look(pin)
    assert "" == told["wrong"]
    assert told["end"]["segment"] > pin["segment"]


def test_a_log_that_has_just_rotated_has_an_end(tmp_path: Path) -> None:
    """The last segment may be empty: the one before has the end."""
    end = filled(tmp_path)
    segments.segment_path(tmp_path, 2).touch()

    assert {"end": end, "wrong": ""} == Log(tmp_path).look(None)
    assert {"end": end, "wrong": ""} == Log(tmp_path).look(end)


@pytest.mark.parametrize("tail", [b"{", b'{"v":1,"seq":', b"garbage"])
def test_a_line_that_is_being_written_is_no_fault(tmp_path: Path, tail: bytes) -> None:
    """The end is the last whole line, also when a crash tore the one behind it."""
    end = filled(tmp_path)
    with segments.segment_path(tmp_path, 1).open("ab") as file:
        file.write(tail)
    assert {"end": end, "wrong": ""} == Log(tmp_path).look(end)

    log = opened(tmp_path)  # closes the torn line
    add(log, 1)
    log.close()

    told = Log(tmp_path).look(end)
    assert "" == told["wrong"]
    assert told["end"]["seq"] > end["seq"] + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cut", "before record"),
        ("emptied", "it is gone"),
        ("removed", "it is gone"),
        ("forged", "is not the one that was seen"),
        ("dropped", "does not follow"),
        ("swapped", "does not follow"),
        ("pipe", "is no file"),
        ("link", "cannot be read"),
    ],
)
def test_a_log_that_was_tampered_with_is_told(
    tmp_path: Path, change: str, said: str
) -> None:
    """Whatever is done to what was pinned, or between it and the end."""
    folder = tmp_path / "audit"
    folder.mkdir()
    filled(folder)
    path = segments.segment_path(folder, 1)
    found = path.read_bytes().splitlines(keepends=True)
    pin = agenthost.log(config(tmp_path), None)["end"]
    if change == "cut":
        path.write_bytes(b"".join(found[:-2]))
    elif change == "emptied":
        path.write_bytes(b"")
    elif change == "forged":
        path.unlink()
        forged = opened(folder)
        add(forged, len(found), "mallory")
        forged.close()
    elif change == "dropped":
        path.write_bytes(b"".join(found[:4] + found[5:]))
    elif change == "swapped":
        path.write_bytes(b"".join([*found[:4], found[5], found[4], *found[6:]]))
    else:
        path.unlink()
    if change == "pipe":
        os.mkfifo(path)
    elif change == "link":
        path.symlink_to("/etc/passwd")

    assert said in agenthost.log(config(tmp_path), pin)["wrong"]


def config(folder: Path) -> Path:
    """Return a configuration whose log is in *folder*'s `audit`."""
    path = folder / "agent.toml"
    path.write_text(f'[server]\naudit = "{folder}/audit"\n')
    return path


def test_what_was_retired_by_a_recorded_cut_is_not_missed(tmp_path: Path) -> None:
    """The agent removes old segments and says so."""
    clock = ManualClock()
    log = opened(tmp_path, clock=clock)
    add(log, 3)
    pin = Log(tmp_path).look(None)["end"]
    for _ in range(14):
        add(log, 1)
        clock.advance(31 * DAY)
        retention.keep(log, now=to_micros(clock.now()), days=90)
    log.close()
    assert not segments.segment_path(tmp_path, 1).exists()

    told = Log(tmp_path).look(pin)
    assert "" == told["wrong"]
    assert told["end"] is not None


def test_what_was_removed_by_hand_is_missed(tmp_path: Path) -> None:
    """No record says that it was retired."""
    log = opened(tmp_path, size=2000)
    add(log, 3)
    pin = Log(tmp_path).look(None)["end"]
    add(log, 40)
    log.close()
    segments.segment_path(tmp_path, pin["segment"]).unlink()

    assert "no record says" in Log(tmp_path).look(pin)["wrong"]


def test_it_runs_alone(tmp_path: Path) -> None:
    """Sent as text to another Python, without anything of ours, it answers in JSON."""
    (tmp_path / "audit").mkdir()
    end = filled(tmp_path / "audit")
    command = tmp_path / "auth-agent"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    question = {
        "unit": "keepgate-nothing.service",
        "command": str(command),
        "config": str(config(tmp_path)),
        "words": ["status"],
        "seconds": 10,
        "pin": None,
    }
    source = Path(agenthost.__file__).read_text()

    done = subprocess.run(
        [sys.executable, "-I", "-"],
        input=f"{source}\nmain({json.dumps(question)!r})\n",
        text=True,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        check=True,
    )

    log = {"end": end, "wrong": ""}
    assert {"state": "down", "log": log} == json.loads(done.stdout)


def test_the_command_is_not_waited_for_without_end() -> None:
    """Who does not answer in time has no status."""
    told = agenthost.run(["/bin/sleep", "60"], 0.2)

    assert told["status"] is None


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """Return what pins need to know of a host."""
    return cast("Target", SimpleNamespace(state=tmp_path / "state/web"))


def test_pins_are_kept_for_us_alone(target: Target) -> None:
    """What was written is read, from a file of 0600."""
    assert auditpins.read(target) is None
    place: dict[str, object] = {"segment": 1, "seq": 7, "hash": "ab" * 32}

    pin = auditpins.write(target, place, NOW)

    assert pin == auditpins.read(target)
    (path,) = target.state.iterdir()
    assert 0o600 == path.stat().st_mode & 0o777


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"segment": "x"}', "\0"])
def test_a_pin_that_cannot_be_read_is_not_passed_over(
    target: Target, text: str
) -> None:
    """Else the log would be believed, whatever it says."""
    target.state.mkdir(parents=True)
    (target.state / auditpins.NAME).write_text(text)

    with pytest.raises(KeepgateError, match="cannot be read"):
        auditpins.read(target)
