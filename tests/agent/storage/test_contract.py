"""What every store promises: a change and its record are one, and durable."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from auth_agent.audit import keys, segments
from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.record import Actor, Record
from auth_agent.audit.verify import verify
from auth_agent.errors import ConfigError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auth_agent.storage.store import Reader, Transaction

    from tests.agent.storage.conftest import Kept, Open, StoreKind

KEYS = keys.derive(b"k" * 32)


def record(name: str = "ada") -> Record:
    """Return a record that names *name*."""
    return Record(Event.USER_UPDATE, Outcome.SUCCESS, Actor(ActorKind.CLI, name=name))


def put(tx: Transaction, name: str, value: str = "x") -> None:
    """Make a change, with its record."""
    tx.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (name, value))
    tx.record(record(name))


def putting(name: str) -> Callable[[Transaction], None]:
    """Return the change that puts *name* there."""
    return lambda tx: put(tx, name)


def names(reader: Reader) -> list[str]:
    """Return what `put` has put there."""
    return [str(row[0]) for row in reader.all("SELECT name FROM meta ORDER BY name")]


def log_text(kept: Kept) -> bytes:
    """Return the whole log."""
    found = segments.segments(kept.folder / "audit")
    return b"".join(segment.path.read_bytes() for segment in found)


def test_concurrent_changes_are_all_recorded_once(kept: Kept) -> None:
    """A thousand concurrent changes give a thousand records in a whole chain."""

    async def run() -> None:
        await asyncio.gather(
            *(kept.store.write(putting(f"n{number}")) for number in range(1000))
        )

    asyncio.run(run())
    kept.log.close()

    verdict = verify(kept.folder / "audit", KEYS)
    assert () == verdict.faults
    assert 1000 + verdict.checkpoints == verdict.records
    assert 1000 == len(kept.store.read(names))


def test_a_failed_change_leaves_nothing(kept: Kept) -> None:
    """An exception undoes its own change and record, not its neighbours'."""

    def fail(tx: Transaction) -> None:
        put(tx, "bad")
        raise LookupError

    async def run() -> Sequence[object]:
        return await asyncio.gather(
            kept.store.write(lambda tx: put(tx, "one")),
            kept.store.write(fail),
            kept.store.write(lambda tx: put(tx, "two")),
            return_exceptions=True,
        )

    results = asyncio.run(run())

    assert isinstance(results[1], LookupError)
    assert ["one", "two"] == kept.store.read(names)
    assert b'"bad"' not in log_text(kept)


def test_a_refused_statement_undoes_its_change_only(kept: Kept) -> None:
    """What the database itself refuses is raised to the one who asked."""

    async def run() -> Sequence[object]:
        return await asyncio.gather(
            kept.store.write(lambda tx: put(tx, "one")),
            kept.store.write(lambda tx: put(tx, "one")),
            kept.store.write(lambda tx: put(tx, "two")),
            return_exceptions=True,
        )

    results = asyncio.run(run())

    assert [False, True, False] == [isinstance(one, Exception) for one in results]
    assert ["one", "two"] == kept.store.read(names)
    assert 1 == log_text(kept).count(b'"name":"one"},"target"')


def test_a_change_is_there_after_opening_again(opener: Open) -> None:
    """What a finished write did survives the process."""
    kept = opener()
    asyncio.run(kept.store.write(lambda tx: put(tx, "kept")))

    assert ["kept"] == opener().store.read(names)


def test_a_write_returns_what_its_work_returns(kept: Kept) -> None:
    """And a read at once sees what it did."""

    async def run() -> tuple[int, list[str]]:
        def work(tx: Transaction) -> int:
            put(tx, "a")
            row = tx.one("SELECT count(*) FROM meta")
            return int(str(row[0])) if row else 0

        return await kept.store.write(work), kept.store.read(names)

    assert (1, ["a"]) == asyncio.run(run())


def test_memory_is_brought_up_to_date_in_order(kept: Kept) -> None:
    """*applied* is called once a change, in their order, before the caller goes on."""
    applied: list[int] = []

    async def run() -> None:
        def work(tx: Transaction, number: int) -> int:
            put(tx, f"n{number}")
            return number

        async def one(number: int) -> None:
            await kept.store.write(lambda tx: work(tx, number), applied.append)
            assert number in applied

        await asyncio.gather(*(one(number) for number in range(100)))

    asyncio.run(run())

    assert list(range(100)) == applied


def test_memory_is_brought_up_to_date_for_a_cancelled_caller(kept: Kept) -> None:
    """A caller that went away has changed what it changed, in memory too."""
    applied: list[str] = []

    def work(tx: Transaction) -> str:
        put(tx, "gone")
        return "gone"

    async def run() -> None:
        task = asyncio.ensure_future(kept.store.write(work, applied.append))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await kept.store.write(lambda tx: put(tx, "next"))

    asyncio.run(run())

    assert ["gone"] == applied


def test_a_failed_change_updates_no_memory(kept: Kept) -> None:
    """*applied* is not called for a change that was undone."""
    applied: list[object] = []

    def fail(tx: Transaction) -> None:
        put(tx, "bad")
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(kept.store.write(fail, applied.append))

    assert [] == applied


def test_unwritable_log_refuses_and_recovers(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the log takes nothing every change fails; later each is there once."""
    whole = segments.write_all

    def full(descriptor: int, data: bytes) -> None:
        whole(descriptor, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    async def run() -> None:
        await kept.store.write(lambda tx: put(tx, "first"))
        monkeypatch.setattr(segments, "write_all", full)
        for number in range(2):
            with pytest.raises(StoreUnavailableError):
                await kept.store.write(putting(f"lost{number}"))
        assert not kept.store.healthy
        monkeypatch.setattr(segments, "write_all", whole)
        await kept.store.write(lambda tx: put(tx, "last"))

    asyncio.run(run())
    kept.log.close()

    text = log_text(kept)
    assert () == verify(kept.folder / "audit", KEYS).faults
    assert kept.store.healthy
    assert 1 == text.count(b'"name":"lost0"},"target"')
    assert 0 == text.count(b'"name":"lost1"},"target"')
    assert 1 == text.count(b'"name":"last"},"target"')
    assert ["first", "last", "lost0"] == kept.store.read(names)


def test_left_over_records_reach_the_log_at_the_next_start(
    opener: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that was committed but not recorded is recorded after a restart."""
    kept = opener()
    whole = segments.write_all

    def full(_descriptor: int, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async def run() -> None:
        monkeypatch.setattr(segments, "write_all", full)
        with pytest.raises(StoreUnavailableError):
            await kept.store.write(lambda tx: put(tx, "late"))
        monkeypatch.setattr(segments, "write_all", whole)

    asyncio.run(run())
    again = opener()

    assert ["late"] == again.store.read(names)
    assert 1 == log_text(again).count(b'"name":"late"},"target"')


def test_the_log_is_used_between_changes(kept: Kept) -> None:
    """`with_log` answers with the log's own state; what it raises is the caller's."""

    def fail(_: object) -> None:
        raise LookupError

    async def run() -> int:
        await kept.store.write(lambda tx: put(tx, "a"))
        with pytest.raises(LookupError):
            await kept.store.with_log(fail)
        return await kept.store.with_log(lambda log: log.place.seq)

    assert 1 == asyncio.run(run())


def test_a_backup_made_while_writing_is_whole(
    kept: Kept, kind: StoreKind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its owner alone can read it, it opens, and holds what was acknowledged before."""
    target = kept.folder / "backup.db"

    async def run() -> None:
        await kept.store.write(lambda tx: put(tx, "before"))

        async def writes() -> None:
            for number in range(50):
                await kept.store.write(putting(f"n{number}"))

        await asyncio.gather(asyncio.to_thread(kept.store.backup, target), writes())

    asyncio.run(run())

    assert 0o600 == target.stat().st_mode & 0o777
    assert not list(kept.folder.glob("backup.db?*"))
    with pytest.raises(FileExistsError):
        kept.store.backup(target)
    copied = kind.from_backup(tmp_path_factory.mktemp("copy"), target)
    found = copied.store.read(names)
    copied.store.close()
    copied.log.close()
    # Changes are in it one after the other: none without those before it.
    later = [f"n{number}" for number in range(len(found) - 1)]
    assert ["before", *sorted(later)] == found


@pytest.mark.parametrize("spoil", ["make_newer", "cut_off"])
def test_a_store_that_cannot_be_used_is_refused(
    opener: Open, kind: StoreKind, spoil: str
) -> None:
    """A later version's, or half of one: left as it is, with what to do about it."""
    kept = opener()
    asyncio.run(kept.store.write(lambda tx: put(tx, "kept")))
    kept.store.close()
    kept.log.close()
    getattr(kind, spoil)(kept.folder)

    with pytest.raises(ConfigError) as refused:
        kind.open(kept.folder)

    assert refused.value.message
    assert refused.value.fix


def test_closing_twice_is_closing_once(kept: Kept) -> None:
    """A second close does nothing."""
    kept.store.close()
    kept.store.close()
