"""The watch over sockets: what is gone, what is another, what never came."""

from __future__ import annotations

import asyncio
from pathlib import Path

from auth_agent.serving.watch import Watch


def test_what_stays_is_not_lost(tmp_path: Path) -> None:
    """The same file at every look is no loss, however often one looks."""
    path = tmp_path / "a.sock"
    path.touch()
    watch = Watch([path])

    assert [None, None] == [watch.look(), watch.look()]


def test_what_is_there_later_counts_from_then(tmp_path: Path) -> None:
    """A socket that comes after the first look is lost once it goes."""
    path = tmp_path / "a.sock"
    watch = Watch([path])
    assert watch.look() is None
    path.touch()
    assert watch.look() is None

    path.unlink()

    assert watch.look() == path


def test_another_file_in_its_place_is_a_loss(tmp_path: Path) -> None:
    """The name alone says nothing of who listens."""
    path, other = tmp_path / "a.sock", tmp_path / "b.sock"
    path.touch()
    other.touch()
    watch = Watch([path])
    watch.look()

    other.rename(path)

    assert watch.look() == path


def test_what_is_not_there_is_lost_at_once(tmp_path: Path) -> None:
    """Taken away before anybody looked, as soon as it was there: lost all the same."""
    path = tmp_path / "a.sock"

    assert path == asyncio.run(asyncio.wait_for(Watch([path]).until_lost(), 10))
