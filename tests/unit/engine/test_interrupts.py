"""Wishes to end, counted instead of raised."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

import pytest

from keepgate.engine import interrupts
from keepgate.engine.interrupts import Interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Interrupts]:
    """Interrupts that listen; two signals are two wishes however soon."""
    monkeypatch.setattr(interrupts, "_ONE_WISH", 0.0)
    with Interrupts() as made:
        yield made


def readable(made: Interrupts) -> bool:
    """Whether a selector would wake up."""
    return bool(select.select([made.fileno()], [], [], 0)[0])


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_is_counted(heard: Interrupts, which: signal.Signals) -> None:
    """A signal raises nothing, is counted, and wakes a selector up."""
    assert not readable(heard)

    os.kill(os.getpid(), which)

    assert 1 == heard.count
    assert readable(heard)


def test_drained_count_stays(heard: Interrupts) -> None:
    """Being read does not make a wish undone."""
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    heard.drain()

    assert (2, False) == (heard.count, readable(heard))


def test_signals_in_one_moment_are_one_wish() -> None:
    """A launcher that hands the terminal's signal on does not double it."""
    with Interrupts() as made:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    assert 1 == made.count


def test_handlers_are_given_back() -> None:
    """After the block a signal is what it was before."""
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert before != signal.getsignal(signal.SIGTERM)

    assert before == signal.getsignal(signal.SIGTERM)


def test_ignored_signal_stays_ignored() -> None:
    """Who started us with nohup does not want a hangup to end us."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as made:
            os.kill(os.getpid(), signal.SIGHUP)
        assert 0 == made.count
    finally:
        signal.signal(signal.SIGHUP, before)
