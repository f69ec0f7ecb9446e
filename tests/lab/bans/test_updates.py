"""Automatic updates on real hosts: what apt understood, who hears of trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.lab.bans.conftest import Keeper

pytestmark = pytest.mark.lab

BOTH = pytest.mark.parametrize(
    "keeper",
    [
        pytest.param("trixie", marks=pytest.mark.xdist_group("bans-trixie")),
        pytest.param("bookworm", marks=pytest.mark.xdist_group("bans-bookworm")),
    ],
    indirect=True,
)
ONE = pytest.mark.parametrize(
    "keeper",
    [pytest.param("trixie", marks=pytest.mark.xdist_group("bans-trixie"))],
    indirect=True,
)
JOB = "apt-daily-upgrade.service"
NOTICE = "/run/motd.d/80-keepgate-updates"
FAKE = "/usr/local/sbin/unattended-upgrade"


@BOTH
def test_no_security_update_is_left(keeper: Keeper) -> None:
    """The first run installs what is pending."""
    assert "" == keeper.sh(
        "apt list --upgradable 2>/dev/null | grep -e -security", check=False
    )


@ONE
def test_stock_origins_are_replaced(keeper: Keeper) -> None:
    """Apt's lists grow from file to file; ours has cleared what stood before."""
    origins = keeper.sh(
        "apt-config dump | grep '^Unattended-Upgrade::Origins-Pattern::'"
    ).splitlines()

    assert 4 == len(origins)
    assert len(set(origins)) == len(origins)


@ONE
def test_a_job_that_fails_is_told_until_one_succeeds(keeper: Keeper) -> None:
    """Apt swallows the failure; people hear of it all the same."""
    stamp = "/var/lib/apt/periodic/upgrade-stamp"
    keeper.sh(
        f"printf '#!/bin/sh\\nexit 1\\n' >{FAKE}; chmod 755 {FAKE}; rm -f {stamp}"
    )
    keeper.sh(f"systemctl start {JOB}", check=False)
    keeper.eventually(
        lambda: keeper.sh(f"cat {NOTICE}", check=False), "a notice at login"
    )

    assert "unattended-upgrade did not succeed" in keeper.sh(f"cat {NOTICE}")
    assert "" != keeper.sh("journalctl -q -p err -t keepgate-updates -o cat")
    keeper.sh(f"rm {FAKE}; systemctl start {JOB}")
    assert "" == keeper.sh(f"cat {NOTICE}", check=False)


@ONE
def test_a_masked_timer_is_woken(keeper: Keeper) -> None:
    """Updates that somebody has switched off come back."""
    keeper.sh("systemctl disable --now apt-daily.timer; systemctl mask apt-daily.timer")

    told = keeper.apply()

    assert ["start apt-daily.timer"] == told["steps"]
    assert "enabled" == keeper.sh("systemctl is-enabled apt-daily.timer").strip()


@ONE
def test_a_mirror_out_of_reach_is_told(keeper: Keeper) -> None:
    """Without a mirror the configuration stands, and the error says what to do."""
    lists = "/var/lib/apt/lists"
    keeper.sh(
        "echo 'Acquire::http::Proxy \"http://127.0.0.1:1\";'"
        f" >/etc/apt/apt.conf.d/96trial; touch -d '2 days ago' {lists}"
    )
    try:
        told = keeper.apply(updates={"reboot": "04:30"})

        assert "connect" in told["error"]
        assert '"04:30"' in keeper.sh("apt-config dump | grep Automatic-Reboot-Time")
    finally:
        keeper.sh(f"rm /etc/apt/apt.conf.d/96trial; touch {lists}")
        keeper.apply()
