"""Hosts that admit only root: the operator is proved before root is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.confirm.conftest import booted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.confirm.conftest import Trial

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("con-root")]
NO_SUDO = "/etc/sudoers.d/zzz-foreign"


@pytest.fixture(scope="module")
def only_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A host as many clouds hand it out: root gets in by key, nobody else."""
    with booted(tmp_path_factory.mktemp("root"), variant="root-only") as host:
        host.install("sudo")
        yield host


def test_operator_without_sudo_does_not_close_root(only_root: Trial) -> None:
    """An operator who gets in but cannot become root is taken away; root stays."""
    only_root.sh(
        f"echo 'keeper ALL=(ALL) !ALL' > {NO_SUDO}; chmod 440 {NO_SUDO}; visudo -qc"
    )

    told = only_root.commit(topics=["accounts", "ssh"])

    assert told["status"] == "rolled_back"
    assert only_root.gets_in("root", "true")
    assert only_root.sh("getent passwd keeper || echo none") == "none\n"
    only_root.eventually(only_root.settled, "nothing armed, no leftovers")
    only_root.sh(f"rm {NO_SUDO}")


def test_operator_is_proved_before_root_is_closed(only_root: Trial) -> None:
    """The operator is made and proved while root works; then root is closed."""
    told = only_root.commit(topics=["accounts", "ssh"])

    assert told == {"status": "confirmed"}
    assert not only_root.gets_in("root", "true")
    only_root.assert_safe(trial=None)
