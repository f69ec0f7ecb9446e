"""What every store's SQL does: all that the services lean on, on their own tables."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from auth_agent.ids import random_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from auth_agent.storage.store import Transaction, Value

    from tests.agent.storage.conftest import Kept

T = TypeVar("T")

FAR = 2**62
"""The latest time that is stored: a disabled factor's."""


def user(tx: Transaction, name: str, email: str | None = None, created: int = 0) -> str:
    """Add an account; return its id."""
    identity = random_id()
    tx.execute(
        "INSERT INTO users (id, name, display_name, email, role, active, created)"
        " VALUES (?, ?, ?, ?, 'viewer', 1, ?)",
        (identity, name, name.title(), email, created),
    )
    return identity


def do(kept: Kept, work: Callable[[Transaction], T]) -> T:
    """Return what *work* returns, done in one change."""
    return asyncio.run(kept.store.write(work))


@pytest.mark.parametrize(
    "value",
    ["", "Grüße 北京 \U0001f989", "a'b\"c;--", 0, -1, FAR, None],
    ids=["empty", "unicode", "quotes", "zero", "negative", "far", "null"],
)
def test_values_come_back_as_they_went(kept: Kept, value: Value) -> None:
    """Text, numbers of 63 bits and nothing, each as itself."""
    column = "last_login" if isinstance(value, int) else "password"

    def work(tx: Transaction) -> None:
        identity = user(tx, "ada")
        tx.execute(f"UPDATE users SET {column} = ? WHERE id = ?", (value, identity))  # noqa: S608 - two constants

    do(kept, work)

    row = kept.store.read(lambda reader: reader.one(f"SELECT {column} FROM users"))  # noqa: S608 - two constants
    assert (value,) == row
    assert isinstance(row, tuple)
    assert row[0] is None or type(value) is type(row[0])


def test_bytes_come_back_as_bytes(kept: Kept) -> None:
    """All 256 of them; and they are found by."""
    hashed = bytes(range(256))
    do(
        kept,
        lambda tx: tx.execute(
            "INSERT INTO links (hash, purpose, created, expires) VALUES (?, 'x', 0, 1)",
            (hashed,),
        ),
    )

    found = kept.store.read(
        lambda reader: reader.one("SELECT hash FROM links WHERE hash = ?", (hashed,))
    )
    assert (hashed,) == found


def test_what_a_statement_touched_is_counted(kept: Kept) -> None:
    """The number of rows: of it depends whether a code or link was there to use."""

    def work(tx: Transaction) -> list[int]:
        for name in ("ada", "bob", "eve"):
            user(tx, name)
        return [
            tx.execute("UPDATE users SET active = 0 WHERE name < ?", ("d",)),
            tx.execute("UPDATE users SET active = 0 WHERE name = ?", ("nobody",)),
            tx.execute("DELETE FROM users WHERE active = 0"),
            tx.execute("DELETE FROM users WHERE active = 0"),
        ]

    assert [2, 0, 2, 0] == do(kept, work)


def test_returning_gives_what_was_changed(kept: Kept) -> None:
    """`INSERT`, `DELETE` and the upsert of a counter, each in one statement."""

    def work(tx: Transaction) -> list[object]:
        up = (
            "INSERT INTO failures (bucket, count, locked, last) VALUES ('b', 1, 0, ?)"
            " ON CONFLICT (bucket) DO UPDATE SET count = failures.count + 1,"
            " last = excluded.last RETURNING count, last"
        )
        first = tx.one(
            "INSERT INTO tries (bucket, micros) VALUES ('b', 1) RETURNING row"
        )
        second = tx.one(
            "INSERT INTO tries (bucket, micros) VALUES ('b', 2) RETURNING row"
        )
        assert first is not None
        assert second is not None
        return [
            second > first,
            tx.one(up, (5,)),
            tx.one(up, (7,)),
            tx.one("DELETE FROM failures WHERE bucket = 'b' RETURNING count"),
            tx.one("DELETE FROM failures WHERE bucket = 'b' RETURNING count"),
        ]

    assert [True, (1, 5), (2, 7), (2,), None] == do(kept, work)


def test_a_change_sees_itself_and_others_do_not_before(kept: Kept) -> None:
    """Inside, what was just done; outside, nothing until it is through."""
    seen: list[object] = []

    def work(tx: Transaction) -> None:
        user(tx, "ada")
        seen.append(tx.one("SELECT count(*) FROM users"))
        seen.append(
            kept.store.read(lambda reader: reader.one("SELECT count(*) FROM users"))
        )

    do(kept, work)

    assert [(1,), (0,)] == seen
    assert (1,) == kept.store.read(
        lambda reader: reader.one("SELECT count(*) FROM users")
    )


def test_what_hangs_on_an_account_goes_with_it(kept: Kept) -> None:
    """Logins with their site sessions, links, keys, devices, factors, notices."""

    def work(tx: Transaction) -> list[object]:
        ada = user(tx, "ada")
        tx.execute(
            "INSERT INTO logins (id, hash, user_id, created, expires, seen, stepped_up,"
            " methods, ip, user_agent) VALUES ('l', ?, ?, 0, 1, 0, 0, '', '', '')",
            (b"h", ada),
        )
        tx.execute(
            "INSERT INTO site_sessions (hash, login_id, host, created)"
            " VALUES (?, 'l', 'h', 0)",
            (b"s",),
        )
        tx.execute(
            "INSERT INTO devices (hash, user_id, created, used) VALUES (?, ?, 0, 0)",
            (b"d", ada),
        )
        tx.execute(
            "INSERT INTO notices (user_id, micros, kind, number, ip, user_agent)"
            " VALUES (?, 0, 'x', 0, '', '')",
            (ada,),
        )
        tx.execute("DELETE FROM users WHERE id = ?", (ada,))
        return [
            tx.one(f"SELECT count(*) FROM {table}")  # noqa: S608 - constants
            for table in ("logins", "site_sessions", "devices", "notices")
        ]

    assert [(0,)] * 4 == do(kept, work)


def test_nothing_hangs_on_an_account_that_is_not_there(kept: Kept) -> None:
    """A race with a deletion leaves no orphan."""
    with pytest.raises(Exception, match=r"(?i)foreign"):
        do(
            kept,
            lambda tx: tx.execute(
                "INSERT INTO devices (hash, user_id, created, used)"
                " VALUES (?, 'nobody', 0, 0)",
                (b"d",),
            ),
        )


def test_names_and_addresses_are_nobody_elses(kept: Kept) -> None:
    """An address in other letters is the same; accounts without one are many."""

    def twice(first: tuple[str, str | None], second: tuple[str, str | None]) -> bool:
        def work(tx: Transaction) -> None:
            user(tx, *first)
            user(tx, *second)

        try:
            do(kept, work)
        except Exception:  # noqa: BLE001 - each store has errors of its own
            return False
        return True

    assert not twice(("ada", None), ("ada", None))
    assert not twice(("ada", "a@example.com"), ("bob", "A@Example.com"))
    assert twice(("ada", None), ("bob", None))


def test_a_search_takes_what_is_typed_literally(kept: Kept) -> None:
    """With an escape, `%` and `_` stand for themselves; letters count as they are."""

    def work(tx: Transaction) -> list[object]:
        for name in ("a_b", "axb", "a%b", "A_b"):
            user(tx, name)
        like = "SELECT name FROM users WHERE name LIKE ? ESCAPE '!' ORDER BY name"
        return [tx.all(like, ("a!_b",)), tx.all(like, ("a!%%",))]

    underscored, percent = do(kept, work)
    assert ("a_b",) in underscored  # type: ignore[operator]
    assert [("a%b",)] == percent


def test_lists_come_in_pages(kept: Kept) -> None:
    """Ordered, limited, from somewhere; the sum of nothing is nothing."""

    def work(tx: Transaction) -> list[object]:
        for number in range(5):
            user(tx, f"u{number}", created=number)
        page = "SELECT name FROM users ORDER BY created DESC LIMIT ? OFFSET ?"
        return [
            tx.all(page, (2, 0)),
            tx.all(page, (2, 4)),
            tx.all(page, (2, 9)),
            tx.one("SELECT sum(created) FROM users WHERE name = 'nobody'"),
            tx.one("SELECT max(created) FROM users"),
        ]

    expected = [[("u4",), ("u3",)], [("u0",)], [], (None,), (4,)]
    assert expected == do(kept, work)


def test_rows_come_one_by_one(kept: Kept) -> None:
    """The same ones as at once; the first is there before the rest is read."""
    sql = "SELECT name, value FROM meta WHERE value = ? ORDER BY name"

    def work(tx: Transaction) -> None:
        for number in range(2_000):
            tx.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?)", (f"n{number:04}", "x")
            )

    asyncio.run(kept.store.write(work))

    first = kept.store.read(lambda reader: next(reader.each(sql, ("x",))))
    assert ("n0000", "x") == first
    rows = kept.store.read(lambda reader: list(reader.each(sql, ("x",))))
    assert rows == kept.store.read(lambda reader: reader.all(sql, ("x",)))
    assert 2_000 == len(rows)


def test_the_contract_names_no_store() -> None:
    """What it asks for, any store can be asked for."""
    for path in Path(__file__).parent.glob("test_contract*.py"):
        words = path.read_text().lower()
        for name in ("sql" + "ite", "pra" + "gma", "post" + "gres", "row" + "id"):
            assert name not in words, path
