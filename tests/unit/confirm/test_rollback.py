"""The rollback as a text: restores, may be killed and repeated, destroys nothing."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from deploys.common.changes import Action
from deploys.confirm.texts import as_timer_argument
from tests.unit.confirm.conftest import PREPARING, make

if TYPE_CHECKING:
    from tests.unit.confirm.conftest import Scratch


def _report(scratch: Scratch) -> str:
    return (scratch.state / "rolled_back" / "report").read_text()


def test_it_restores_content_mode_and_absence(scratch: Scratch) -> None:
    """What was changed, made or removed is as it was before, and is reported."""
    scratch.arm_and_switch()
    assert scratch.is_as("after")

    scratch.run(scratch.texts.rollback(), "all")

    assert scratch.is_as("before")
    assert scratch.leftovers() == []
    assert not scratch.armed
    assert "problem" not in _report(scratch)


def test_it_needs_coreutils_and_systemd_alone(scratch: Scratch) -> None:
    """The rollback calls no program of another package."""
    scratch.arm_and_switch()
    scratch.lock_away(PREPARING)

    scratch.run(scratch.texts.rollback(), "all")

    assert "not found" not in scratch.errors
    assert scratch.is_as("before")


def test_it_converges_wherever_it_was_killed(scratch: Scratch) -> None:
    """Killed before any call that changes something, a repetition completes it."""
    scratch.arm_and_switch()
    with scratch.remembered() as recall:
        scratch.run(scratch.texts.rollback(), "all")
        calls = scratch.mutations
        assert calls > 15

        for call in range(1, calls + 1):
            recall()
            scratch.run(scratch.texts.rollback(), "all", kill_at=call)
            assert scratch.status == -signal.SIGKILL
            scratch.run(scratch.texts.rollback(), "all")

            assert scratch.is_as("before"), f"killed before call {call}"
            assert scratch.leftovers() == [], f"killed before call {call}"
            assert "problem" not in _report(scratch), f"killed before call {call}"


def test_restart_restores_files_first_and_the_rest_later(scratch: Scratch) -> None:
    """The boot unit restores files and calls no systemctl; the next one finishes."""
    scratch.arm_and_switch()

    systemctl = scratch.root / "bin/systemctl"
    away = systemctl.rename(scratch.root / "systemctl")
    scratch.run(scratch.texts.rollback(), "boot")
    away.rename(systemctl)

    assert scratch.is_as("before")
    assert "not found" not in scratch.errors
    assert not (scratch.root / "reverted").exists()
    scratch.run(scratch.texts.rollback(), "finish")
    assert (scratch.root / "reverted").exists()
    assert scratch.leftovers() == []


def test_it_does_nothing_to_a_confirmed_commit(scratch: Scratch) -> None:
    """A timer that fires after the confirmation changes nothing."""
    scratch.arm_and_switch()
    assert scratch.run(scratch.texts.confirm()).word == "confirmed"

    scratch.run(scratch.texts.rollback(), "all")

    assert scratch.is_as("after")
    assert scratch.leftovers() == []


def test_unwritable_state_keeps_everything_for_another_try(scratch: Scratch) -> None:
    """Where the deciding rename fails, it fails as a whole; a later try succeeds."""
    scratch.arm_and_switch()
    scratch.fail("mv")
    scratch.run(scratch.texts.rollback(), "all")

    assert scratch.status == 1
    assert (scratch.state / "armed").exists()
    scratch.mend("mv")
    scratch.run(scratch.texts.rollback(), "all")
    assert scratch.is_as("before")
    assert scratch.leftovers() == []


def test_foreign_content_is_kept_aside(scratch: Scratch) -> None:
    """What somebody wrote over a switched file is moved to `conflicts`."""
    scratch.arm_and_switch()
    (scratch.root / "etc/changed").write_text("by hand\n")
    (scratch.root / "etc/made").write_text("by hand\n")

    scratch.run(scratch.texts.rollback(), "all")

    kept = sorted((scratch.root / "lib/keepgate/conflicts").iterdir())
    assert ["by hand\n"] * 2 == [path.read_text() for path in kept]
    assert scratch.is_as("before")


def test_link_put_over_a_file_is_not_followed(scratch: Scratch) -> None:
    """A symbolic link in a file's place is moved away; its target is untouched."""
    scratch.arm_and_switch()
    target = scratch.root / "target"
    target.write_text("mine\n")
    changed = scratch.root / "etc/changed"
    changed.unlink()
    changed.symlink_to(target)

    scratch.run(scratch.texts.rollback(), "all")

    assert target.read_text() == "mine\n"
    assert scratch.is_as("before")


def test_one_altered_copy_is_replaced_by_the_other(scratch: Scratch) -> None:
    """Each former content is kept twice; an altered copy is recognised."""
    scratch.arm_and_switch()
    for copy in (scratch.root / "etc").glob(".keepgate-*.old"):
        copy.chmod(0o600)
        copy.write_text("altered\n")

    scratch.run(scratch.texts.rollback(), "all")

    assert scratch.is_as("before")


def test_two_altered_copies_restore_nothing_false(scratch: Scratch) -> None:
    """Where both copies are altered the file stays, and the report says so."""
    scratch.arm_and_switch()
    copies = [*scratch.root.rglob(".keepgate-*.old"), *scratch.root.rglob("old.*")]
    for copy in copies:
        copy.chmod(0o600)
        copy.write_text("altered\n")

    scratch.run(scratch.texts.rollback(), "all")

    assert (scratch.root / "etc/changed").read_text() == "new\n"
    assert "both copies of it were altered" in _report(scratch)


def test_steps_are_undone_in_reverse_order(scratch: Scratch) -> None:
    """Only steps that were begun are undone, the last one first."""
    log = scratch.root / "log"
    steps = [Action(f"step {n}", ":", f"echo {n} >>{log}") for n in (1, 2, 3)]
    failing = Action("failing", "false", f"echo failing >>{log}")
    mixed = make(scratch.root, before=(steps[0], steps[1]), after=(failing, steps[2]))
    assert mixed.run(mixed.texts.prepare()).word == "armed"
    assert mixed.run(mixed.texts.run_switch()).word == "failed"

    mixed.run(mixed.texts.rollback(), "all")

    assert ["failing", "2", "1"] == log.read_text().split()
    assert mixed.is_as("before")


def test_hanging_step_does_not_stop_it(scratch: Scratch) -> None:
    """A step that hangs is ended, reported, and the files are restored."""
    hanging = make(scratch.root, after=(Action("hang", ":", "sleep 600"),))
    hanging.arm_and_switch()
    text = hanging.texts.rollback()
    assert "timeout -k 5 60 " in text

    hanging.run(text.replace("timeout -k 5 60 ", "timeout -k 5 1 "), "all")

    assert "problem: failed with status 124: undid: hang" in _report(hanging)
    assert hanging.is_as("before")


def test_full_disk_does_not_stop_it(scratch: Scratch) -> None:
    """Where nothing new can be written, renames alone bring the files back."""
    scratch.arm_and_switch()
    # What a full disk refuses: copies, folders, and lines in the report.
    scratch.fail("cp")
    (scratch.state / "armed" / "report").symlink_to("/dev/full")

    scratch.run(scratch.texts.rollback(), "all")

    assert scratch.is_as("before")
    assert scratch.leftovers() == []


def test_timer_holds_the_whole_text(scratch: Scratch) -> None:
    """The rollback is in the timer's own unit: no file of it can be taken away."""
    scratch.run(scratch.texts.prepare())

    held = (scratch.root / "timer").read_text()

    assert as_timer_argument(scratch.texts.rollback(), "all") in held
