"""A power cut on a kernel of the host's own: what it had not written is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.confirm.conftest import TRIAL, Trial
from tests.lab.conftest import SLOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.conftest import Machine

pytestmark = [
    pytest.mark.lab,
    pytest.mark.qemu,
    pytest.mark.xdist_group("qemu"),
    pytest.mark.timeout(2 * SLOW),
]
CLOSED = {"path": TRIAL, "content": "AllowGroups games\n"}
PATIENT = 900
"""Seconds before the timer fires: the restart is to be what undoes the commit."""


def test_power_cut_while_armed_restores_what_was(
    machine: Machine, tmp_path: Path
) -> None:
    """The former files and the unit that restores them were on the disk by then."""
    trial = Trial(machine.host, tmp_path, slow=True)
    try:
        # Held as it begins: SSH has read the new file and admits nobody.
        controller = trial.start(files=[CLOSED], hold="prove", timeout=PATIENT)
        controller.until("phase prove")
        assert CLOSED["content"] == trial.read(TRIAL)

        machine.restart(power_cut=True)
    finally:
        trial.close()

    trial.assert_safe(trial=None)
    assert "restarted while the commit was armed" in trial.outcome()
