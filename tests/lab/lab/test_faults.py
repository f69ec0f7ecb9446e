"""What tests of faults ask of a host: power, network, disk, clones, an attacker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from keepgate import lab

if TYPE_CHECKING:
    from keepgate.lab import LabHost
    from tests.lab.lab.conftest import LogIn

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab-faults")]


@pytest.mark.parametrize("clean", [True, False], ids=["orderly", "power cut"])
def test_a_disk_outlives_the_power(name: str, clean: bool, log_in: LogIn) -> None:
    """A host that was stopped boots with what it wrote, and the same keys."""
    (host,) = lab.up([name])
    lab.execute(host, "echo kept > /root/kept; sync")

    host = lab.start(lab.stop(host, clean=clean))

    assert lab.execute(host, "cat /root/kept") == "kept\n"
    assert log_in(host, "true") == 0


def test_a_running_host_is_not_booted_twice(stock: LabHost) -> None:
    """`up` and `start` leave it alone."""
    assert [stock] == lab.up([stock.name])
    assert stock == lab.start(stock)


def test_a_cut_network_is_silent_and_comes_back(stock: LabHost, log_in: LogIn) -> None:
    """Nothing passes in either family while it is cut; the host does not notice."""
    lab.cut(stock)
    try:
        with pytest.raises(lab.LabUnreachableError):
            lab.wait_for_ssh([stock], 1)
        assert lab.execute(stock, "cat /sys/class/net/host0/carrier") == "1\n"
    finally:
        lab.mend(stock)

    assert log_in(stock, "true", address=stock.address6) == 0


def test_a_limited_disk_really_fills_up(name: str, log_in: LogIn) -> None:
    """Writing ends with `No space left on device`, and the host lives on."""
    (host,) = lab.up([name], disk="32M")
    said = lab.execute(host, "head -c 64M /dev/zero > /root/big", check=False)
    said += lab.execute(host, "echo x > /etc/small && sync; true", check=False)

    with pytest.raises(lab.LabError, match="No space left"):
        lab.execute(host, "head -c 4096 /dev/zero > /etc/small")
    assert log_in(host, "true") == 0


def test_clones_begin_as_their_source_stands(name: str, log_in: LogIn) -> None:
    """Each has the source's files, a name of its own, and shares no changes."""
    twins = [f"{name}-1", f"{name}-2"]
    (source,) = lab.up([name])
    lab.execute(source, "echo before > /etc/mark")
    source = lab.stop(source)

    one, two = lab.up(twins, source=name)
    lab.execute(one, "echo after > /etc/mark")
    source = lab.start(source)

    assert lab.execute(two, "cat /etc/mark; hostname") == f"before\n{twins[1]}\n"
    assert lab.execute(source, "cat /etc/mark; hostname") == f"before\n{name}\n"
    assert log_in(two, "true") == 0
    lab.down(twins)


def test_a_running_source_is_refused(stock: LabHost, name: str) -> None:
    """Its disk would change below the clone; nothing of the clone is left."""
    with pytest.raises(lab.LabUsageError, match="is running"):
        lab.up([name], source=stock.name)

    assert name not in {host.name for host in lab.listing()}


def test_the_attacker_has_addresses_of_its_own(stock: LabHost) -> None:
    """What it does is seen to come from there, in both families."""
    found = lab.attacker()
    before = lab.execute(stock, "journalctl --sync; journalctl -u ssh | wc -l").strip()
    for address in (stock.address4, stock.address6):
        probe = ["ssh-keyscan", "-T", "10", address]
        subprocess.run([*found.prefix, *probe], check=True, capture_output=True)
    seen = f"journalctl --sync; journalctl -u ssh -o cat | tail -n +{before}"
    said = lab.execute(stock, seen)

    assert found.address4 in said
    assert found.address6 in said


def test_the_way_in_does_not_depend_on_ssh(stock: LabHost) -> None:
    """A command's failure is told with its own words."""
    with pytest.raises(lab.LabError, match="ended with 3: oops"):
        lab.execute(stock, "echo oops >&2; exit 3")
