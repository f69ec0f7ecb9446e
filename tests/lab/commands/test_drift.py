"""A hardened host that somebody changes by hand; and what is not ours there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from tests.lab.commands.conftest import booted, gets_in, keepgate, write_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("drift")]

_FOREIGN_TABLE = "table inet theirs { set known { type ipv4_addr; }; }"
_FOREIGN_DROPIN = "/etc/ssh/sshd_config.d/50-theirs.conf"
_FOREIGN_JAIL = "/etc/fail2ban/jail.d/theirs.local"
_SUDOERS = "/etc/sudoers.d/zz-keepgate"
_SSHD = "/etc/ssh/sshd_config.d/00-keepgate.conf"


@pytest.fixture(scope="module")
def host() -> Iterator[LabHost]:
    """A host on which others have things of their own before we come."""
    with booted(prefix="drift") as (host,):
        lab.execute(
            host,
            f"printf 'PrintMotd no\\nVersionAddendum none\\n' > {_FOREIGN_DROPIN};"
            " systemctl try-reload-or-restart ssh",
        )
        yield host


@pytest.fixture(scope="module")
def inventory(host: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of that host, which is hardened by it."""
    path = tmp_path_factory.mktemp("drift") / f"{host.name}.yml"
    write_inventory(path, [host])
    done = keepgate("apply", path, "--json")
    assert 0 == done.code, done.only["message"]
    # Spares nobody. As it is new, it reads of the root login that the first apply had
    # refused: one more failure that counts, and it bans us (see tests/lab/bans).
    jail = "enabled = true\\nbackend = systemd\\nfilter = sshd\\nmaxretry = 2"
    lab.execute(
        host,
        f"set -e; echo '{_FOREIGN_TABLE}' | nft -f -;"
        f" printf '[theirs]\\n{jail}\\n' > {_FOREIGN_JAIL};"
        " fail2ban-client reload >/dev/null",
    )
    return path


@pytest.mark.parametrize(
    ("topic", "path", "change"),
    [
        ("accounts", _SUDOERS, f"echo 'debian ALL=(ALL) ALL' >> {_SUDOERS}"),
        ("ssh", _SSHD, f"chmod 0666 {_SSHD}"),
        ("ssh", _SSHD, f"rm {_SSHD}; systemctl try-reload-or-restart ssh"),
    ],
)
def test_drift_is_shown_and_mended(
    host: LabHost, inventory: Path, topic: str, path: str, change: str
) -> None:
    """What was changed by hand is named by `status` and `plan`; `apply` mends it."""
    lab.execute(host, change)

    status = keepgate("status", inventory, "--json")
    plan = keepgate("plan", inventory, "--json")
    mended = keepgate("apply", inventory, "--json")
    after = keepgate("status", inventory, "--json")

    assert (1, True) == (status.code, topic in status.only["drift"]), status.out
    told = [line for part in plan.only["plans"] for line in part["summaries"]]
    assert any(path in line for line in told), told
    assert (0, "changed") == (mended.code, mended.only["status"]), mended.out
    assert (0, {}) == (after.code, after.only["drift"])
    assert gets_in(host)


def test_status_counts_a_change_of_settings(host: LabHost, inventory: Path) -> None:
    """Settings that were edited since the last apply are told apart from drift."""
    text = inventory.read_text()
    inventory.write_text(
        text.replace("accounts:", "ssh:\n    max_auth_tries: 2\n  accounts:")
    )
    try:
        done = keepgate("status", inventory, "--json")
    finally:
        inventory.write_text(text)

    assert done.only["last_apply"]["settings_changed"]
    assert ["ssh"] == list(done.only["drift"])
    assert host.name == done.only["host"]


def test_foreign_things_survive(host: LabHost, inventory: Path) -> None:
    """Another nft table, sshd drop-in and fail2ban jail are as they were."""
    lab.execute(host, f"rm -f {_SSHD} /etc/fail2ban/jail.d/*keepgate*")
    table = lab.execute(host, "nft --stateless list table inet theirs")

    done = keepgate("apply", inventory, "--json")

    assert (0, "changed") == (done.code, done.only["status"]), done.out
    assert table == lab.execute(host, "nft --stateless list table inet theirs")
    assert "PrintMotd no" in lab.execute(host, f"cat {_FOREIGN_DROPIN}")
    assert "printmotd no" in lab.execute(host, "sshd -T")
    assert "theirs" in lab.execute(host, "fail2ban-client status")
