"""Several commands at once do not get in one another's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.lab.lab.conftest import OwnLab

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab-crash")]


def test_a_crowd_gets_hosts_of_its_own(own_lab: OwnLab) -> None:
    """Four commands boot different hosts at once, and two the same."""
    names = ["a", "b", "c", "a"]
    crowd = [own_lab.command("up", name) for name in names]
    said = [process.communicate(timeout=120)[1] for process in crowd]
    lines = (own_lab.home / "lab/known_hosts").read_text().splitlines()

    assert [0] * 4 == [process.returncode for process in crowd], said
    assert len({line.split()[0] for line in lines}) == 3
    assert len(own_lab.processes("systemd-nspawn")) == 3

    crowd = [own_lab.command("down", name) for name in ("a", "b", "c")]
    said = [process.communicate(timeout=120)[1] for process in crowd]

    assert [0] * 3 == [process.returncode for process in crowd], said
    assert own_lab.processes("systemd-nspawn") == []
