"""The controls of the web server: they hold on a served host, and each can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.caddy.faults import BATCHES, UNDO

if TYPE_CHECKING:
    from tests.lab.caddy.hosts import Served
    from tests.lab.commands.conftest import Outcome

pytestmark = pytest.mark.lab


def _findings(done: Outcome) -> dict[str, dict[str, Any]]:
    after = done.only["after"]
    assert after is not None, done.out
    return {finding["id"]: finding for finding in after["findings"]}


def _verify(served: Served) -> dict[str, dict[str, Any]]:
    return _findings(served.run("verify", topics=("caddy",)))


def test_controls_hold_on_a_served_host(either: Served) -> None:
    """All of them, and all are observed."""
    found = _verify(either)

    assert {"passed"} == {one["outcome"] for one in found.values()}, found


@pytest.mark.xdist_group("caddy-trixie")
@pytest.mark.parametrize("batch", BATCHES)
def test_faults_are_found(trixie: Served, batch: str) -> None:
    """Each makes the controls fail that it breaks; an `apply` mends them all."""
    faults = BATCHES[batch]
    trixie.start_stub("agent")
    try:
        trixie.sh("\n".join(faults.values()))
        found = _verify(trixie)
    finally:
        trixie.sh(UNDO)
        trixie.apply()

    assert set() == {
        control for control in faults if found[control]["outcome"] != "failed"
    }
    assert {"passed"} == {one["outcome"] for one in _verify(trixie).values()}
