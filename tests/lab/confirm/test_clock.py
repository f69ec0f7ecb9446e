"""A clock that is set while a commit is armed: the host counts monotonic time.

On the virtual machine: a container's clock is this machine's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.confirm.conftest import RELOAD, TRIAL, Trial
from tests.lab.conftest import SLOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.conftest import Machine

pytestmark = [
    pytest.mark.lab,
    pytest.mark.qemu,
    pytest.mark.xdist_group("qemu"),
    pytest.mark.timeout(2 * SLOW),
]
TEXT = "LogLevel VERBOSE\n"
TIMEOUT = 90
"""Seconds before the host undoes the commit, where the test waits for that."""

LONG = 900
"""The same where it does not; less than the clock is set forward by."""

DUE = "systemctl show -P NextElapseUSecMonotonic keepgate-rollback.timer"
DEADLINE = "sed -n 's/^deadline //p' /var/lib/keepgate/commit/armed/record"
BEGAN = (
    "journalctl -q -b -o short-monotonic -u keepgate-rollback.service"
    " | sed -n 's/^\\[ *\\([0-9]*\\).*: Starting .*/\\1/p' | tail -n 1"
)


@pytest.fixture
def trial(machine: Machine, tmp_path: Path) -> Iterator[Trial]:
    """The virtual machine; afterwards its clock is right and the trial's file gone."""
    made = Trial(machine.host, tmp_path, slow=True)
    try:
        yield made
    finally:
        made.close()
        made.sh(f"date -s @{time.time():.0f}; rm -f {TRIAL}; {RELOAD}")


def test_an_hour_forward_does_not_undo_a_good_change(trial: Trial) -> None:
    """The rollback does not fire early; the switch and the proof have their time."""
    controller = trial.start(hold="switch", timeout=LONG)
    controller.until("phase switch")
    due = trial.sh(DUE)

    trial.sh("date -s '+1 hour'")
    due_then = trial.sh(DUE)
    controller.go_on()

    assert {"status": "confirmed"} == controller.end()
    assert due == due_then != "\n"
    trial.assert_safe(trial=TEXT)


def test_an_hour_back_does_not_put_the_rollback_off(trial: Trial) -> None:
    """Without a controller the host undoes the change on time, and not before."""
    trial.start(die="prove", timeout=TIMEOUT).wait(SLOW)
    deadline = int(trial.sh(DEADLINE))

    trial.sh("date -s '-1 hour'")

    trial.assert_safe(trial=None)
    assert deadline <= int(trial.sh(BEGAN))
