"""What cannot be put back changes nothing, and what stood in its way is kept."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from auth_agent.audit import segments
from auth_agent.errors import (
    AgentError,
    ConfigError,
    StoreUnavailableError,
)
from auth_agent.storage.migrate import UnusableDatabaseError

from tests.agent.system.keeping import Kept


def test_a_running_agent_is_not_touched(kept: Kept) -> None:
    """Its lock is in the way, and nothing is changed."""
    world = kept.world
    ada = world.person("ada")
    kept.backup()
    with pytest.raises(ConfigError, match="another process"):
        kept.put_back()

    assert world.start(ada).token


def damaged(path: Path) -> None:
    """Cut the file in half."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def newer(path: Path) -> None:
    """Make it another version's."""
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO migrations VALUES (9999, 'future', 'x')")
    connection.commit()
    connection.close()


def unmarked(path: Path) -> None:
    """Make it look like a copy of the file that somebody took by hand."""
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM meta WHERE name = 'backup'")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (damaged, UnusableDatabaseError, "damaged|malformed"),
        (newer, UnusableDatabaseError, "has step 9999"),
        (unmarked, ConfigError, "no backup"),
        (Path.unlink, ConfigError, "cannot be read"),
    ],
)
def test_a_file_that_is_no_good_backup_changes_nothing(
    kept: Kept, spoil: object, kind: type[AgentError], said: str
) -> None:
    """Half-written, newer, somebody's copy, or not there; refused with the reason."""
    world = kept.world
    ada = world.person("ada")
    kept.backup()
    assert callable(spoil)
    spoil(kept.file)

    with pytest.raises(kind, match=said) as error:
        kept.restore()

    assert error.value.fix
    assert world.start(ada).token


def test_another_agents_backup_is_refused(kept: Kept) -> None:
    """What is sealed in it does not open with this secret; nothing is changed."""
    world = kept.world
    ada = world.enrolled("ada")
    kept.backup()
    audit = Path(world.config.server.audit)
    world.do(world.services.close())
    aside = audit.with_name("aside")
    audit.rename(aside)
    with pytest.raises(ConfigError, match="secret file is not the one"):
        kept.put_back(secret=b"x" * 32)
    shutil.rmtree(audit)
    aside.rename(audit)
    world.services = world.do(world.open())

    assert world.log_in(ada)


def test_a_damaged_state_is_replaced_and_kept(kept: Kept) -> None:
    """That is what backups are for; the old file and its journal stay beside."""
    world = kept.world
    ada = world.person("ada")
    kept.backup()
    world.do(world.services.close())
    state = Path(world.config.server.state)
    (state / "agent.db").write_bytes(b"not a database any more " * 1_000)
    (state / "agent.db-wal").write_bytes(b"nor its journal")
    done = kept.put_back()
    world.services = world.do(world.open())

    assert world.start(ada).token
    assert b"not a database" in Path(done.before).read_bytes()
    assert b"nor its journal" == Path(f"{done.before}-wal").read_bytes()


def test_a_log_that_takes_nothing_is_said(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records wait in the store, and reach the log when it can be written."""
    world = kept.world
    world.person("ada")
    kept.backup()
    whole = segments.write_all
    calls: list[int] = []

    def full(descriptor: int, data: bytes) -> None:
        calls.append(len(data))
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        whole(descriptor, data)

    world.do(world.services.close())
    monkeypatch.setattr(segments, "write_all", full)
    with pytest.raises(StoreUnavailableError):
        kept.put_back()
    world.services = world.do(world.open())

    assert "restored" in [one["reason"] for one in world.records()]
