"""One process, one lock, the right secret, and a clock that is watched."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from auth_agent.audit import segments
from auth_agent.callers import Caller, Client
from auth_agent.clock import ManualClock, Timeline
from auth_agent.errors import (
    AgentError,
    ClockRefusedError,
    ConfigError,
    ConflictError,
    LoginRefusedError,
)
from auth_agent.services import open_services

if TYPE_CHECKING:
    from tests.agent.conftest import World

CLI = Caller.cli()
SECRET = b"s" * 32


def test_a_second_process_is_refused(world: World) -> None:
    """The state folder has one owner at a time."""
    with pytest.raises(ConfigError, match="another process"):
        world.do(open_services(world.config, secret=SECRET, clock=world.clock))


def test_another_secret_is_refused(world: World) -> None:
    """State that was made with one secret does not open with another, and says why."""
    world.enrolled("ada")
    world.do(world.services.close())

    with pytest.raises(ConfigError, match="not this agent's"):
        world.do(open_services(world.config, secret=b"x" * 32, clock=world.clock))

    world.services = world.do(
        open_services(world.config, secret=SECRET, clock=world.clock)
    )


def test_another_secret_does_not_open_what_is_sealed(world: World) -> None:
    """Nor with the log moved aside."""
    world.do(world.services.close())
    audit = Path(world.config.server.audit)
    for path in audit.iterdir():
        path.rename(path.with_suffix(".aside"))

    with pytest.raises(ConfigError, match="secret file is not the one"):
        world.do(open_services(world.config, secret=b"x" * 32, clock=world.clock))

    for path in audit.glob("*.jsonl"):
        path.unlink()
    for path in audit.iterdir():
        path.rename(path.with_suffix(".jsonl"))
    world.services = world.do(
        open_services(world.config, secret=SECRET, clock=world.clock)
    )


@pytest.mark.parametrize("which", ["state", "audit"])
def test_folders_that_others_may_enter_are_refused(world: World, which: str) -> None:
    """The state and the log are the agent's alone."""
    world.do(world.services.close())
    folder = Path(getattr(world.config.server, which))
    folder.chmod(0o755)

    with pytest.raises(ConfigError, match="entered by others"):
        world.do(open_services(world.config, secret=SECRET, clock=world.clock))

    folder.chmod(0o700)
    world.services = world.do(
        open_services(world.config, secret=SECRET, clock=world.clock)
    )


def test_logins_are_refused_while_the_clock_is_behind(world: World) -> None:
    """Five minutes and more behind nobody logs in; when it is right they do."""
    ada = world.person("ada")
    world.clock.set_back(300)
    assert world.start(ada).token
    world.clock.set_back(1)
    with pytest.raises(ClockRefusedError) as refused:
        world.start(ada)
    assert 301 == refused.value.behind
    world.do(world.services.system.tick())
    world.do(world.services.system.tick())
    world.clock.set_back(-301)

    assert world.start(ada).token
    assert 1 == world.events().count("system.clock_jump")


def test_the_highest_time_is_kept_over_a_restart(world: World) -> None:
    """A clock that is set back while the agent is down is noticed at the start."""
    ada = world.person("ada")
    world.clock.advance(1_000)
    world.do(world.services.system.tick())
    world.do(world.services.close())
    world.clock.set_back(900)
    world.services = world.do(
        open_services(world.config, secret=SECRET, clock=world.clock)
    )

    with pytest.raises(ClockRefusedError):
        world.start(ada)
    assert "back" == world.last("system.clock_jump")["reason"]


def test_sessions_go_on_while_the_clock_is_wrong(world: World) -> None:
    """A jump of the wall clock ends no login and prolongs none."""
    opened = world.log_in_step(world.person("ada"))
    resolve = world.services.sessions.resolve_login
    for jump in (-100_000, 100_000):
        world.clock.set_back(jump)
        assert resolve(opened.step.token) is not None
        world.clock.set_back(-jump)
    world.clock.set_back(100_000)
    world.clock.advance(3_600)

    assert resolve(opened.step.token) is None


def test_a_lock_is_not_ended_by_the_wall_clock(world: World) -> None:
    """Setting the clock forward unlocks nobody while the agent runs."""
    ada = world.person("ada")
    for number in range(5):
        with suppress(AgentError):
            world.guess(ada, Client(ip=f"192.0.2.{number}"))
    world.clock.set_back(-100_000)

    with pytest.raises(LoginRefusedError):
        world.start(ada, Client(ip="192.0.2.9"))


def test_an_operator_takes_the_clock_as_right(world: World) -> None:
    """After a wrong time the reset lets in again, and ends what was made under it."""
    ada = world.enrolled("ada")
    world.clock.set_back(-400 * 86_400)
    opened = world.log_in_step(ada)
    world.do(world.services.system.tick())
    world.clock.set_back(400 * 86_400)
    with pytest.raises(ClockRefusedError):
        world.start(ada)
    world.do(world.services.system.reset_clock(CLI))
    assert world.services.sessions.resolve_login(opened.step.token) is None
    world.clock.advance(60)

    assert world.log_in(ada)
    assert "reset" in [one["reason"] for one in world.records()]


def test_the_timeline_only_goes_forward() -> None:
    """It follows the monotonic clock, and begins no earlier than what was seen."""
    clock = ManualClock()
    start = Timeline(clock).micros()
    later = Timeline(clock, start + 5_000_000)
    clock.set_back(1_000)
    clock.seconds += 1

    assert start + 6_000_000 == later.micros()


def test_a_forward_jump_is_recorded_once(world: World) -> None:
    """More than five minutes ahead of the monotonic clock is worth a record."""
    world.clock.set_back(-301)
    for _ in range(3):
        world.do(world.services.system.tick())

    assert 1 == world.events().count("system.clock_jump")
    assert "forward" == world.last("system.clock_jump")["reason"]


def test_a_backup_is_a_working_database(world: World, tmp_path: Path) -> None:
    """It opens, holds the accounts, and is recorded; nothing is overwritten."""
    world.person("ada")
    target = tmp_path / "copy.db"
    world.do(world.services.system.backup(CLI, target))

    connection = sqlite3.connect(target)
    names = connection.execute("SELECT name FROM users").fetchall()
    connection.close()
    assert [("ada",)] == names
    assert "backup" == world.last("admin.export")["reason"]
    with pytest.raises(ConflictError):
        world.do(world.services.system.backup(CLI, target))


def test_rounds_go_on_when_the_store_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What falls due while the disk is full is tried again, and never raises."""
    world.log_in(world.person("ada"))
    whole = segments.write_all

    def full(_descriptor: int, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments, "write_all", full)
    world.clock.advance(3_600)
    world.do(world.services.system.tick())
    assert not world.services.system.healthy
    monkeypatch.setattr(segments, "write_all", whole)
    world.clock.advance(60)
    world.do(world.services.system.tick())

    assert 1 == world.events().count("session.expire")
