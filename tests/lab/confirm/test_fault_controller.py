"""Controllers that die, lose the network, or are two."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from tests.lab.confirm.conftest import SOON

if TYPE_CHECKING:
    from tests.lab.confirm.conftest import Trial

pytestmark = pytest.mark.lab
TEXT = "LogLevel VERBOSE\n"
WAIT = {"summary": "wait", "do": "sleep 30"}


def _armed(trial: Trial) -> bool:
    return bool(trial.sh("ls -d /var/lib/keepgate/commit/armed", check=False))


@pytest.mark.parametrize("phase", ["arm", "switch", "prove", "confirm"])
def test_killed_controller_leaves_the_former_state(trial: Trial, phase: str) -> None:
    """Whenever the controller is killed before the confirmation, the host undoes."""
    assert -signal.SIGKILL == trial.start(die=phase, timeout=SOON).wait()

    trial.assert_safe(trial=None)


def test_controller_killed_after_the_confirmation(trial: Trial) -> None:
    """Once confirmed, the new state stays although the controller is gone."""
    assert -signal.SIGKILL == trial.start(die="done").wait()

    trial.assert_safe(trial=TEXT)


def test_controller_killed_in_the_middle_of_the_switch(trial: Trial) -> None:
    """A switch that lost its controller half-way is ended and undone by the timer."""
    controller = trial.start(before=[WAIT], timeout=SOON)
    trial.eventually(
        lambda: trial.sh("ls /var/lib/keepgate/commit/armed/switching", check=False),
        "the switch has begun",
    )

    controller.kill()

    trial.assert_safe(trial=None)


def test_switch_that_runs_into_the_timer_is_ended(trial: Trial) -> None:
    """A switch still running when the timer fires is ended first, then undone."""
    told = trial.commit(after=[WAIT], timeout=SOON)

    assert told["status"] == "rolled_back"
    assert trial.sh("pgrep -fx 'sleep 30' || echo none").strip() == "none"
    trial.assert_safe(trial=None)


def test_lost_network_leaves_the_former_state(trial: Trial) -> None:
    """A controller cut off after the switch cannot confirm, so the host undoes."""
    controller = trial.start(hold="prove", timeout=SOON)
    controller.until("phase prove")
    lab.cut(trial.host)
    controller.go_on()
    trial.eventually(lambda: not _armed(trial), "the timer fired")

    lab.mend(trial.host)

    assert controller.end()["status"] == "rolled_back"
    trial.assert_safe(trial=None)


def test_second_controller_is_refused_with_the_time_to_wait(trial: Trial) -> None:
    """While a commit is armed another controller is told whose it is and how long."""
    first = trial.start(hold="switch")
    first.until("phase switch")

    second = trial.commit()
    first.go_on()

    assert second["status"] == "refused"
    assert "has been armed since" in second["message"]
    assert "unless it is confirmed" in second["fix"]
    assert first.end()["status"] == "confirmed"
    trial.assert_safe(trial=TEXT)


def test_two_controllers_at_once(trial: Trial) -> None:
    """Of two controllers that begin at the same moment at most one switches."""
    pair = [trial.start(), trial.start()]

    ends = sorted(controller.end()["status"] for controller in pair)

    assert ends in (["confirmed", "refused"], ["confirmed", "confirmed"])
    trial.assert_safe(trial=TEXT)


def test_forged_nonce_confirms_nothing(trial: Trial) -> None:
    """A confirmation with another nonce is refused, and the timer undoes the change."""
    controller = trial.start(hold="prove")
    controller.until("phase prove")
    forged = "0" * 64
    trial.sh(f"echo {forged} > /var/lib/keepgate/commit/armed/nonce")
    controller.go_on()

    told = controller.end()

    assert told["status"] == "rolled_back"
    assert "nonce" in told["message"]
    trial.assert_safe(trial=None)


def test_next_run_after_a_rollback_without_us(trial: Trial) -> None:
    """The next run finds nothing in its way, and the host tells what it undid."""
    trial.start(die="prove", timeout=SOON).wait()
    trial.eventually(lambda: not _armed(trial), "the timer fired")
    trial.eventually(trial.settled, "the rollback has ended")
    assert "rolled_back" in trial.outcome()

    told = trial.commit()

    assert told == {"status": "confirmed"}
    trial.assert_safe(trial=TEXT)


def test_late_controller_does_not_end_the_commit_of_another(trial: Trial) -> None:
    """A controller that slept through its own rollback leaves the next commit alone."""
    sleeper = trial.start(hold="switch", timeout=SOON)
    sleeper.until("phase switch")
    trial.eventually(lambda: not _armed(trial), "the timer fired")
    trial.eventually(trial.settled, "the rollback has ended")
    second = trial.start(hold="prove")
    second.until("phase prove")

    sleeper.go_on()

    assert sleeper.end()["status"] == "refused"
    second.go_on()
    assert second.end()["status"] == "confirmed"
    trial.assert_safe(trial=TEXT)
