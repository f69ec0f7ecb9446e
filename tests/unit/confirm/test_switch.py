"""The switch as a text: what it refuses, and that any part of it is undone."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.unit.confirm.conftest import make

if TYPE_CHECKING:
    from tests.unit.confirm.conftest import Scratch

OTHER = "0ddba115" * 4


def _edit(scratch: Scratch, name: str, text: str) -> None:
    (scratch.state / "armed" / name).write_text(text)


def _in_record(scratch: Scratch, key: str, value: str) -> None:
    record = (scratch.state / "armed" / "record").read_text().splitlines()
    lines = [f"{key} {value}" if r.split()[0] == key else r for r in record]
    _edit(scratch, "record", "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("boot", "another", "rebooted"),
        ("deadline", "1", "late"),
        ("id", "x", "unarmed"),
    ],
)
def test_it_begins_only_within_its_own_commit(
    scratch: Scratch, key: str, value: str, code: str
) -> None:
    """After a restart, too late, or under another commit nothing is switched."""
    scratch.run(scratch.texts.prepare())
    _in_record(scratch, key, value)

    answer = scratch.run(scratch.texts.run_switch())

    assert (answer.word, answer.rest.split()[0]) == ("refused", code)
    assert scratch.is_as("before")


def test_it_refuses_without_the_timer(scratch: Scratch) -> None:
    """Without a running timer nothing is switched."""
    scratch.run(scratch.texts.prepare())
    (scratch.root / "timer").unlink()

    answer = scratch.run(scratch.texts.run_switch())

    assert (answer.word, answer.rest) == ("refused", "unarmed")
    assert scratch.is_as("before")


def test_it_refuses_a_forged_nonce(scratch: Scratch) -> None:
    """Where the host holds another nonce's digest nothing is switched."""
    scratch.run(scratch.texts.prepare())
    _edit(scratch, "nonce", "0" * 64 + "\n")

    answer = scratch.run(scratch.texts.run_switch())

    assert (answer.word, answer.rest) == ("refused", "nonce")
    assert scratch.is_as("before")


@pytest.mark.parametrize("kind", ["new", "old"])
def test_it_refuses_altered_copies(scratch: Scratch, kind: str) -> None:
    """A staged copy that is not as it was staged stops the switch."""
    scratch.run(scratch.texts.prepare())
    copy = next((scratch.root / "etc").glob(f".keepgate-*-1.{kind}"))
    copy.write_text("altered\n")

    answer = scratch.run(scratch.texts.run_switch())

    assert (answer.word, answer.rest) == ("refused", f"altered {copy}")
    assert scratch.is_as("before")


def test_it_refuses_what_the_validation_refuses(scratch: Scratch) -> None:
    """The validation's words come back, and nothing is switched."""
    scratch.run(scratch.texts.prepare())
    (scratch.root / "real/unshare").write_text("#!/bin/sh\necho no; exit 1\n")

    answer = scratch.run(scratch.texts.run_switch())

    assert (answer.word, answer.rest) == ("refused", "invalid")
    assert ["no"] == answer.all("detail")
    assert scratch.is_as("before")


def test_it_happens_once(scratch: Scratch) -> None:
    """A switch that was begun is not begun again."""
    scratch.arm_and_switch()

    answer = scratch.run(scratch.texts.run_switch())

    assert (answer.word, answer.rest) == ("refused", "switched")


def test_any_part_of_it_is_undone(scratch: Scratch) -> None:
    """Killed before any call, the half-switched host goes back to where it was."""
    scratch.run(scratch.texts.prepare())
    with scratch.remembered() as recall:
        scratch.run(scratch.texts.run_switch())
        calls = scratch.mutations
        assert calls > 10

        for call in range(1, calls + 1):
            recall()
            scratch.run(scratch.texts.run_switch(), kill_at=call)
            assert scratch.status == -signal.SIGKILL
            scratch.run(scratch.texts.rollback(), "all")

            assert scratch.is_as("before"), f"killed before call {call}"
            assert scratch.leftovers() == [], f"killed before call {call}"


def test_confirmation_needs_the_nonce(scratch: Scratch) -> None:
    """Who does not know the nonce confirms nothing."""
    scratch.arm_and_switch()
    text = scratch.texts.confirm()
    nonce = "5ca1ab1e" * 4
    assert nonce in text

    answer = scratch.run(text.replace(nonce, OTHER))

    assert (answer.word, answer.rest) == ("refused", "nonce")
    assert (scratch.state / "armed").exists()


def test_confirmation_needs_the_switch(scratch: Scratch) -> None:
    """What was not switched to its end is not confirmed."""
    scratch.run(scratch.texts.prepare())

    answer = scratch.run(scratch.texts.confirm())

    assert (answer.word, answer.rest) == ("refused", "unswitched")


def test_confirmation_comes_too_late_after_the_rollback(scratch: Scratch) -> None:
    """What was rolled back is not confirmed any more."""
    scratch.arm_and_switch()
    scratch.run(scratch.texts.rollback(), "all")

    answer = scratch.run(scratch.texts.confirm())

    assert (answer.word, answer.rest) == ("refused", "rolled_back")
    assert scratch.is_as("before")


def test_confirmation_ends_the_commit(scratch: Scratch) -> None:
    """Confirmed, the files stay, the timer is gone, and nothing is left."""
    scratch.arm_and_switch()

    answer = scratch.run(scratch.texts.confirm())

    assert answer.word == "confirmed"
    assert scratch.is_as("after")
    assert not scratch.armed
    assert scratch.leftovers() == []


def test_late_controller_ends_only_its_own_commit(scratch: Scratch) -> None:
    """Whoever slept through his rollback does not end the commit of another."""
    scratch.arm_and_switch()
    other = make(scratch.root, nonce=OTHER)

    answer = scratch.run(other.texts.roll_back())

    assert answer.word == "ended"
    assert scratch.armed
    assert scratch.is_as("after")
