"""Commits on an older release, and where systemd listens for SSH."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploys.ssh import host as ssh
from tests.lab.confirm.conftest import SOON, TRIAL, booted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.confirm.conftest import Trial

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("con-releases")]
DROPIN = "/etc/ssh/sshd_config.d/00-keepgate.conf"
TEXT = "LogLevel VERBOSE\n"
CLOSED = {"path": DROPIN, "replace": {"AllowGroups ssh-users": "AllowGroups games"}}
TO_SOCKET = (
    "systemctl -q disable --now ssh.service; systemctl -q enable --now ssh.socket"
)


@pytest.fixture(scope="module")
def bookworm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A Debian 12 host: systemd 252, OpenSSH 9.2."""
    folder = tmp_path_factory.mktemp("bookworm")
    with booted(folder, release="bookworm") as host:
        yield host


def test_topics_are_confirmed_on_debian_12(bookworm: Trial) -> None:
    """A stock host of the older release is made safe by commits, too."""
    told = bookworm.commit(topics=["accounts", "ssh"])

    assert told == {"status": "confirmed"}
    bookworm.assert_safe(trial=None)


def test_closed_door_is_undone_on_debian_12(bookworm: Trial) -> None:
    """The older sshd and systemd take the operator back in, too."""
    told = bookworm.commit(files=[CLOSED, {"path": TRIAL, "content": TEXT}])

    assert told["status"] == "rolled_back"
    assert f"removed {TRIAL}" in told["report"]
    bookworm.assert_safe(trial=None)


def test_timer_fires_on_debian_12(bookworm: Trial) -> None:
    """Without a controller the older systemd's timer undoes the commit."""
    bookworm.start(die="prove", timeout=SOON).wait()

    bookworm.assert_safe(trial=None)


def test_restart_while_armed_on_debian_12(bookworm: Trial) -> None:
    """The older systemd restores files before SSH starts, too."""
    controller = bookworm.start(files=[CLOSED], hold="prove")
    controller.until("phase prove")
    bookworm.reboot()
    controller.kill()

    bookworm.assert_safe(trial=None)
    assert "restarted while the commit was armed" in bookworm.outcome()


@pytest.mark.parametrize("release", ["trixie", "bookworm"])
def test_socket_activation(
    release: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where ssh.socket listens, commits are proved and undone, and it still does."""
    with booted(tmp_path_factory.mktemp("socket"), release=release) as host:
        host.sh(TO_SOCKET)
        reading = {"activate": ssh.RELOAD, "revert": ssh.REVERT}

        told = host.commit(topics=["accounts", "ssh"])
        undone = host.commit(files=[CLOSED], **reading)

        assert told == {"status": "confirmed"}
        assert undone["status"] == "rolled_back"
        assert host.sh("systemctl is-active ssh.socket") == "active\n"
        host.assert_safe(trial=None)
