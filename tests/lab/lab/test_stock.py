"""A fresh host looks like what a cloud hands out, traps included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keepgate import lab

if TYPE_CHECKING:
    from keepgate.lab import LabHost
    from tests.lab.lab.conftest import LogIn

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab-stock")]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("sshd -T | grep -i '^passwordauth'", "passwordauthentication yes"),
        ("cat /etc/ssh/sshd_config.d/*", "PasswordAuthentication yes"),
        ("systemctl is-enabled ssh.service", "enabled"),
        ("systemctl is-active ssh.service", "active"),
        ("systemctl is-active ssh.socket || true", "inactive"),
        ("runuser -u debian -- sudo -n id -u", "0"),
        ("grep -o 'Please login as the user' /root/.ssh/*", "Please login as the user"),
        ("passwd -S debian | cut -d' ' -f2", "P"),
        ("nft list ruleset 2>/dev/null || true", ""),
        ("systemctl is-system-running --wait", "running"),
        ("apt-config dump APT::Periodic::Unattended-Upgrade | cut -d'\"' -f2", "1"),
        ("cat /proc/sys/net/ipv4/ip_forward", "0"),
        ("hostname", "(its name)"),
    ],
)
def test_it_is_as_the_release_ships_it(
    stock: LabHost, script: str, expected: str
) -> None:
    """Nothing is hardened before anybody hardened it."""
    said = lab.execute(stock, script, check=False).strip()

    assert expected.replace("(its name)", stock.name) == said


@pytest.mark.parametrize("family", ["address4", "address6"])
def test_its_keys_are_pinned(stock: LabHost, family: str, log_in: LogIn) -> None:
    """A strict client gets in over both families without asking."""
    assert log_in(stock, "sudo -n true", address=getattr(stock, family)) == 0


def test_root_is_shown_the_way(stock: LabHost, log_in: LogIn) -> None:
    """Root's key is admitted, but for cloud-init's text only."""
    assert log_in(stock, "true", login="root") == 142


def test_it_cannot_set_the_clock(stock: LabHost) -> None:
    """The clock is this machine's: not even root inside may touch it."""
    said = lab.execute(stock, "date -s '2031-01-01' 2>&1 >/dev/null", check=False)

    assert "Operation not permitted" in said


def test_its_packages_come_through_the_cache(stock: LabHost) -> None:
    """A package is installed by way of the lab's own cache."""
    proxy = "apt-config dump Acquire::http::Proxy"
    lab.execute(
        stock, "apt-get -qq update && apt-get -qq -y install hello", timeout=120
    )

    assert ":3142" in lab.execute(stock, proxy)
    assert lab.execute(stock, "hello").startswith("Hello")


def test_a_root_only_host_admits_root_and_has_no_sudo(name: str, log_in: LogIn) -> None:
    """As clouds hand them out that know no other account."""
    (host,) = lab.up([name], variant="root-only")

    assert log_in(host, "id -u | grep -x 0") == 0
    assert lab.execute(host, "command -v sudo || echo none") == "none\n"
    assert lab.execute(host, "id debian 2>/dev/null || echo none") == "none\n"
