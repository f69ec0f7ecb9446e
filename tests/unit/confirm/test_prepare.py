"""Arming as a text: all or nothing, and only where nobody can interfere."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.unit.confirm.conftest import make

if TYPE_CHECKING:
    from tests.unit.confirm.conftest import Scratch

OTHER = "0ddba115" * 4


def test_arming_changes_no_file(scratch: Scratch) -> None:
    """Armed, the host has a timer and staged copies, and every file as before."""
    answer = scratch.run(scratch.texts.prepare())

    assert answer.word == "armed"
    assert scratch.armed
    assert scratch.is_as("before")


def test_host_without_a_running_timer_is_not_armed(scratch: Scratch) -> None:
    """A timer that does not read back ends the commit before anything is switched."""
    program = scratch.root / "real/systemd-run"
    program.write_text("#!/bin/sh\nexit 0\n")

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest.split()[0]) == ("failed", "arm")
    assert scratch.leftovers() == []
    assert scratch.is_as("before")


def test_timer_of_another_text_is_not_ours(scratch: Scratch) -> None:
    """A timer whose service holds another commit's rollback does not count."""
    program = scratch.root / "real/systemd-run"
    program.write_text('#!/bin/sh\necho other >"$SCRATCH/timer"\n')

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest.split()[0]) == ("failed", "arm")
    assert scratch.leftovers() == []


def test_refusing_systemd_leaves_nothing(scratch: Scratch) -> None:
    """Where systemd does not arm, nothing of the commit stays."""
    scratch.fail("systemd-run")

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest.split()[0]) == ("failed", "arm")
    assert scratch.leftovers() == []


@pytest.mark.parametrize("program", ["cp", "base64", "ln", "sync"])
def test_full_disk_leaves_nothing(scratch: Scratch, program: str) -> None:
    """Whatever cannot be written while staging, nothing of the commit stays."""
    scratch.fail(program)

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest.split()[0]) == ("failed", "disk")
    assert scratch.leftovers() == []
    assert not scratch.armed


@pytest.mark.parametrize("program", ["sync", "systemd-run"])
def test_an_abandoned_commit_is_forgotten(scratch: Scratch, program: str) -> None:
    """Units that a reload had systemd read meanwhile are none of its units any more."""
    scratch.fail(program)
    scratch.reload()

    answer = scratch.run(scratch.texts.prepare())

    assert "failed" == answer.word
    assert not scratch.known


def test_a_commit_killed_while_preparing_is_forgotten(scratch: Scratch) -> None:
    """The next run has systemd forget the units that it takes away."""
    scratch.run(scratch.texts.prepare())
    calls = scratch.mutations
    scratch.run(scratch.texts.rollback(), "all")
    scratch.run(scratch.texts.prepare(), kill_at=calls - 2)
    assert (scratch.state / "preparing").exists()
    scratch.reload()
    other = make(scratch.root, nonce=OTHER)

    answer = other.run(other.texts.prepare())

    assert "armed" == answer.word
    assert not scratch.known


def test_history_says_how_a_commit_ended(scratch: Scratch) -> None:
    """A former commit is kept under a name that says confirmed or rolled back."""
    scratch.run(scratch.texts.prepare())
    scratch.run(scratch.texts.rollback(), "all")
    second = make(scratch.root, nonce=OTHER)
    second.arm_and_switch()
    assert ["rolled_back"] == [name.rpartition("-")[2] for name in second.history]
    assert "confirmed" == second.run(second.texts.confirm()).word

    second.run(second.texts.prepare())

    ends = sorted(name.rpartition("-")[2] for name in second.history)
    assert ["confirmed", "rolled_back"] == ends


def test_second_commit_is_told_of_the_first(scratch: Scratch) -> None:
    """While one commit is armed, another learns whose it is and how long it has."""
    scratch.run(scratch.texts.prepare())
    other = make(scratch.root, nonce=OTHER)

    answer = other.run(other.texts.prepare())

    assert (answer.word, answer.rest) == ("refused", "armed")
    assert answer.record()["owner"] == "a@b"
    assert 0 < int(answer.all("left")[0]) <= 60


def test_observed_file_that_changed_is_refused(scratch: Scratch) -> None:
    """A file that is not as it was observed is not overwritten."""
    changed = scratch.root / "etc/changed"
    changed.write_text("meanwhile\n")

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest) == ("refused", f"stale {changed}")
    assert scratch.leftovers() == []


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775], ids=oct)
def test_folder_that_others_write_to_is_refused(scratch: Scratch, mode: int) -> None:
    """Where somebody else could swap a staged file, nothing is staged."""
    etc = scratch.root / "etc"
    etc.chmod(mode)

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest) == ("refused", f"unguarded {etc}")
    assert scratch.leftovers() == []


def test_folder_above_that_others_write_to_is_refused(scratch: Scratch) -> None:
    """A folder that others could rename as a whole is refused, too."""
    scratch.root.chmod(0o777)

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest) == ("refused", f"unguarded {scratch.root}")


def test_folder_that_is_a_link_is_refused(scratch: Scratch) -> None:
    """A symbolic link in a folder's place is not followed."""
    etc = scratch.root / "etc"
    etc.rename(scratch.root / "elsewhere")
    etc.symlink_to(scratch.root / "elsewhere")

    answer = scratch.run(scratch.texts.prepare())

    assert (answer.word, answer.rest) == ("refused", f"unguarded {etc}")


def test_what_a_killed_run_left_is_taken_away_by_the_next(scratch: Scratch) -> None:
    """Killed before any call, arming leaves what the next run clears or undoes."""
    with scratch.remembered() as recall:
        scratch.run(scratch.texts.prepare())
        calls = scratch.mutations
        assert calls > 20

        for call in range(1, calls + 1):
            recall()
            scratch.run(scratch.texts.prepare(), kill_at=call)
            assert scratch.status == -signal.SIGKILL
            # As after the time-out: systemd has run what was armed.
            if scratch.armed:
                scratch.run(scratch.texts.rollback(), "all")
            other = make(scratch.root, nonce=OTHER)
            # The unit of the first commit runs the first commit's text.
            answer = other.run(other.texts.prepare(), unit=scratch.texts.rollback())

            assert answer.word == "armed", f"killed before call {call}: {answer}"
            other.run(other.texts.rollback(), "all")
            assert other.leftovers() == [], f"killed before call {call}"
            assert other.is_as("before"), f"killed before call {call}"
