"""A jail of somebody else's on SSH that would ban us at the first refused login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from tests.lab.commands.conftest import (
    Outcome,
    booted,
    gets_in,
    keepgate,
    write_inventory,
)
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("foreign-jail")]

_JAILS = "/etc/fail2ban/jail.d/theirs.local"
_SSHD = "/etc/ssh/sshd_config.d/00-keepgate.conf"
_STRICT = """\
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -q -y --no-install-recommends install \\
  fail2ban nftables python3-systemd >/dev/null
cat >{jails} <<'END'
[sshd]
enabled = false
[theirs]
enabled = true
backend = systemd
filter = sshd
port = ssh
maxretry = 1
bantime = 10m
banaction = nftables-multiport
banaction_allports = nftables-allports
END
systemctl restart fail2ban
"""


@pytest.fixture(scope="module")
def host() -> Iterator[LabHost]:
    """A stock host whose owner has a jail on SSH: one failure, and ten minutes out."""
    with booted(prefix="jail") as (host,):
        lab.execute(host, _STRICT.format(jails=_JAILS), timeout=300)
        eventually(lambda: "theirs" in _ask(host, "status"), "their jail is on")
        yield host


@pytest.fixture(scope="module")
def inventory(host: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of it, without a network of the operator's."""
    return write_inventory(tmp_path_factory.mktemp("jail") / f"{host.name}.yml", [host])


def _ask(host: LabHost, words: str) -> str:
    return lab.execute(host, f"fail2ban-client {words}", check=False)


def _failures(host: LabHost) -> tuple[str, str]:
    """Return what their jail has counted, and whom it has banned, since it started."""
    lines = _ask(host, "status theirs").splitlines()
    found = {line.partition(":")[0][5:].strip(): line.split()[-1] for line in lines}
    return found["Total failed"], found["Total banned"]


def _root_refusals(host: LabHost) -> int:
    said = (
        "journalctl -o cat -t sshd -t sshd-session -g 'User root from .* not allowed'"
    )
    return len(lab.execute(host, said, check=False).splitlines())


@pytest.fixture(scope="module")
def plan(host: LabHost, inventory: Path) -> Outcome:
    """What `plan` said of the stock host, before anything else was done there."""
    del host
    return keepgate("plan", inventory, "--json")


@pytest.fixture(scope="module")
def applied(host: LabHost, inventory: Path, plan: Outcome) -> Outcome:
    """How the first `apply` ended."""
    assert 0 == plan.code, plan.out
    done = keepgate("apply", inventory, "--json")
    assert 1 == _root_refusals(host), done.out
    return done


def _mend(host: LabHost, inventory: Path) -> None:
    """Have the topic `ssh` committed once more, with root refused once more."""
    before = _root_refusals(host)
    lab.execute(host, f"rm {_SSHD}")

    mended = keepgate("apply", inventory, "--json")

    assert (0, "changed") == (mended.code, mended.only["status"]), mended.out
    assert before + 1 == _root_refusals(host)


def test_plan_warns_and_counts_as_no_failure(plan: Outcome) -> None:
    """`plan` names the jail and how to mend it; asking cost no failed login."""
    notes = [note for part in plan.only["plans"] for note in part["notes"]]

    assert 0 == plan.code, plan.out
    assert any("jail theirs" in n and "operator.networks" in n for n in notes), notes


def test_apply_is_not_banned(host: LabHost, applied: Outcome) -> None:
    """Root is refused for real, and no jail holds that against us."""
    assert (0, "changed") == (applied.code, applied.only["status"]), applied.out
    assert gets_in(host)
    assert ("0", "0") == _failures(host)


def test_mending_ssh_is_not_banned(
    host: LabHost, inventory: Path, applied: Outcome
) -> None:
    """The same on a host that is hardened already; our own jails stay as they are."""
    assert 0 == applied.code, applied.out
    _mend(host, inventory)

    again = keepgate("apply", inventory, "--json")

    assert (0, "ok") == (again.code, again.only["status"]), again.out
    assert ("0", "0") == _failures(host)


def test_the_host_ends_the_truce(
    host: LabHost, inventory: Path, applied: Outcome
) -> None:
    """A timer waits on the host; what it does takes our address off the list."""
    assert 0 == applied.code, applied.out
    _mend(host, inventory)
    address = f"{host.address4.rpartition('.')[0]}.1"
    assert address in _ask(host, "get theirs ignoreip")
    state = "systemctl show -P ActiveState keepgate-truce.timer"
    assert "active" == lab.execute(host, state).strip()

    lab.execute(host, "systemctl start keepgate-truce.service")

    assert address not in _ask(host, "get theirs ignoreip")
    assert "theirs" in _ask(host, "status")
    assert "" == lab.execute(host, "ls /run/keepgate/truce.json", check=False)
