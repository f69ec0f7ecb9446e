"""Hosts that restart, run full, or have their files altered meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.confirm.conftest import SOON

if TYPE_CHECKING:
    from tests.lab.confirm.conftest import Controller, Trial

pytestmark = pytest.mark.lab
TEXT = "LogLevel VERBOSE\n"
TRIAL = "/etc/ssh/sshd_config.d/01-trial.conf"
# As root, so that what the file system keeps for root goes as well.
FILL = """\
journalctl -q --rotate --vacuum-size=1K >/dev/null 2>&1
until ! dd if=/dev/zero of=/filler.$((n += 1)) bs=64k count=4096 2>/dev/null; do :; done
dd if=/dev/zero of=/crumbs bs=1k 2>/dev/null || :
"""
ISSUE = {"path": "/etc/issue.net", "content": "no entry\n"}


def _held(trial: Trial, phase: str, **spec: object) -> Controller:
    controller = trial.start(hold=phase, **spec)
    controller.until(f"phase {phase}")
    return controller


def test_restart_between_arming_and_switching(trial: Trial) -> None:
    """A restart before the switch ends the commit; the host has its former state."""
    controller = _held(trial, "switch")

    trial.reboot()
    controller.go_on()

    assert controller.end()["status"] == "rolled_back"
    trial.assert_safe(trial=None)


def test_restart_while_armed_restores_files_before_ssh_starts(trial: Trial) -> None:
    """After a restart the former files are there before SSH starts, also its own."""
    controller = _held(
        trial, "prove", files=[{"path": TRIAL, "content": "AllowGroups games\n"}]
    )

    trial.reboot()
    controller.kill()

    assert trial.read(TRIAL) is None
    trial.assert_safe(trial=None)
    assert "restarted while the commit was armed" in trial.outcome()


def test_restart_in_the_middle_of_a_rollback(trial: Trial) -> None:
    """A rollback that a restart interrupts is taken up again and completed."""
    step = {"summary": "linger", "do": ":", "undo": "sleep 8; touch /root/undone"}
    controller = _held(trial, "prove", after=[step])
    trial.sh("systemctl start --no-block keepgate-rollback.service")
    trial.eventually(
        lambda: trial.sh("ls -d /var/lib/keepgate/commit/rolling", check=False),
        "the rollback has begun",
    )

    trial.reboot()
    controller.kill()

    trial.assert_safe(trial=None)
    assert "undid: linger" in trial.outcome()


def test_altered_copy_beside_the_target(trial: Trial) -> None:
    """When one copy of the former content is altered, the other one is used."""
    before = trial.read("/etc/issue.net")
    controller = _held(trial, "prove", files=[ISSUE], timeout=SOON)
    trial.sh("for f in /etc/.keepgate-*.old; do echo altered > $f; done")
    controller.kill()

    trial.assert_safe(trial=None)
    assert before == trial.read("/etc/issue.net")


def test_altered_copies_of_both_kinds(trial: Trial) -> None:
    """With neither former content left, the new one stays whole, and is told."""
    controller = _held(trial, "prove", files=[ISSUE], timeout=SOON)
    trial.sh(
        "for f in /etc/.keepgate-*.old /var/lib/keepgate/commit/armed/old.*;"
        " do echo altered > $f; done"
    )
    controller.kill()

    trial.assert_safe(trial=None)
    assert ISSUE["content"] == trial.read("/etc/issue.net")
    assert "problem: /etc/issue.net stays as it is" in trial.outcome()
    assert "altered\n" == trial.sh("cat /var/lib/keepgate/conflicts/*")


def test_altered_copies_before_the_switch_stop_it(trial: Trial) -> None:
    """A copy that was altered between arming and switching stops the switch."""
    before = trial.read("/etc/issue.net")
    controller = _held(trial, "switch", files=[ISSUE])
    trial.sh("for f in /etc/.keepgate-*.new; do echo altered > $f; done")
    controller.go_on()

    told = controller.end()

    assert told["status"] == "refused"
    assert "altered" in told["message"]
    assert before == trial.read("/etc/issue.net")
    trial.assert_safe(trial=None)


def test_foreign_change_while_armed_is_kept(trial: Trial) -> None:
    """What somebody else writes over a switched file is moved away, not destroyed."""
    controller = _held(trial, "prove", timeout=SOON)
    trial.sh(f"echo '# by hand' > {TRIAL}")
    controller.kill()

    trial.assert_safe(trial=None)
    assert trial.sh("cat /var/lib/keepgate/conflicts/*").strip() == "# by hand"
    assert "conflict" in trial.outcome()


@pytest.mark.parametrize("trial", ["96M"], indirect=True)
def test_full_disk_when_staging_changes_nothing(trial: Trial) -> None:
    """A disk without room refuses the commit and keeps nothing of it."""
    trial.sh(FILL)

    told = trial.commit(files=[{"path": TRIAL, "content": TEXT * 999}])

    assert told["status"] == "refused"
    assert "room" in told["fix"]
    trial.assert_safe(trial=None)


@pytest.mark.parametrize("trial", ["96M"], indirect=True)
def test_disk_that_fills_while_armed_does_not_stop_the_rollback(trial: Trial) -> None:
    """Restoring is renaming, so it needs no room; neither does its record."""
    before = trial.read("/etc/issue.net")
    files = [ISSUE, {"path": TRIAL, "content": TEXT * 999}]
    controller = _held(trial, "prove", files=files, timeout=SOON)
    trial.sh(FILL)
    proof = "dd if=/dev/zero of=/root/proof bs=64k count=1 2>/dev/null || echo full"
    assert trial.sh(proof) == "full\n"
    controller.kill()

    trial.assert_safe(trial=None)
    assert before == trial.read("/etc/issue.net")


def test_reloaded_systemd_keeps_the_timer(trial: Trial) -> None:
    """A package that makes systemd start anew meanwhile does not disarm the host."""
    controller = _held(trial, "prove", timeout=SOON)
    trial.sh(
        "systemctl daemon-reload; systemctl daemon-reexec; systemctl daemon-reload"
    )
    controller.kill()

    trial.assert_safe(trial=None)


def test_killed_rollback_is_taken_up_again(trial: Trial) -> None:
    """A rollback that is killed in the middle, say for want of memory, starts anew."""
    step = {"summary": "linger", "do": ":", "undo": "sleep 3"}
    controller = _held(trial, "prove", after=[step])
    trial.sh("systemctl start --no-block keepgate-rollback.service")
    trial.eventually(
        lambda: trial.sh("pgrep -fx 'sleep 3'", check=False), "the rollback lingers"
    )
    trial.sh("systemctl kill --signal=KILL keepgate-rollback.service")
    controller.kill()

    trial.assert_safe(trial=None)
    assert "undid: linger" in trial.outcome()


def test_timer_counts_monotonic_time(trial: Trial) -> None:
    """The timer has no calendar entry, so a clock that jumps does not move it."""
    controller = _held(trial, "prove")

    shown = trial.sh(
        "systemctl show -p TimersCalendar -p TimersMonotonic -p AccuracyUSec"
        " keepgate-rollback.timer"
    )
    controller.go_on()

    assert "OnActiveUSec=1min" in shown
    assert "AccuracyUSec=1s" in shown
    assert "OnCalendar" not in shown
    assert controller.end()["status"] == "confirmed"
