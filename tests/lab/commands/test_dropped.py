"""Accounts that are dropped: out of SSH and out of sudo, by the operator's hand."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from keepgate.inventory import home
from tests.lab.commands.conftest import booted, gets_in, keepgate, write_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("dropped")]

_RULES = "/etc/sudoers.d/zzz-keepgate-dropped"


@pytest.fixture
def host() -> Iterator[LabHost]:
    """A stock host, whose `debian` may do everything by sudo."""
    with booted(prefix="drop") as (host,):
        assert _becomes_root(host, "debian")
        yield host


@pytest.fixture
def inventory(host: LabHost, tmp_path: Path) -> Path:
    """An inventory of it, which drops `debian`."""
    return write_inventory(tmp_path / f"{host.name}.yml", [host])


def _becomes_root(host: LabHost, user: str) -> bool:
    """Whether sudo gives *user* a shell of root's, for real."""
    told = lab.execute(
        host, f"runuser -u {user} -- sudo -n id -u 2>&1; true", check=False
    )
    return told.strip() == "0"


def test_rights_are_taken_by_the_operator_alone(host: LabHost, inventory: Path) -> None:
    """A run that still works as the dropped account goes on as the operator first."""
    first = keepgate("apply", inventory, "--json", "--only", "accounts")
    assert (0, "changed") == (first.code, first.only["status"]), first.out
    assert _becomes_root(host, "debian")
    # As from another machine: which account was proved is not known there.
    shutil.rmtree(home() / "state" / inventory.stem)
    looked = keepgate("plan", inventory, "--json")
    assert "debian" == looked.only["login"]

    done = keepgate("apply", inventory, "--json")
    again = keepgate("apply", inventory, "--json")

    assert (0, "changed") == (done.code, done.only["status"]), done.out
    assert (0, "ok", "keeper") == (
        again.code,
        again.only["status"],
        again.only["login"],
    )
    assert not _becomes_root(host, "debian")
    assert gets_in(host)
    assert "0" == lab.execute(host, "sudo -n id -u").strip()


def test_without_an_operator_nobody_loses_rights(
    host: LabHost, inventory: Path
) -> None:
    """Where the operator cannot log in yet, the topic `ssh` alone changes nothing."""
    done = keepgate("apply", inventory, "--json", "--only", "ssh")

    assert 1 == done.code, done.out
    assert "apply the topic accounts first" in done.only["fix"]
    assert gets_in(host, "debian")
    assert "" == lab.execute(host, f"ls {_RULES}", check=False)


def test_a_rule_that_gives_the_right_back_is_found(
    host: LabHost, inventory: Path
) -> None:
    """Sudo itself is asked: a later rule of somebody else's fails the control."""
    applied = keepgate("apply", inventory, "--json")
    assert (0, "changed") == (applied.code, applied.only["status"]), applied.out

    before = _finding(inventory)
    rule = "debian ALL=(ALL) NOPASSWD: /bin/sh"
    lab.execute(host, f"umask 227; echo '{rule}' >/etc/sudoers.d/zzzz-theirs")
    after = _finding(inventory)

    assert ("passed", "failed") == (before["outcome"], after["outcome"])
    assert "NOPASSWD: /bin/sh" in json.dumps(after["observed"])


def _finding(inventory: Path) -> dict[str, object]:
    done = keepgate("verify", inventory, "--json", "--only", "accounts")
    (host,) = done.document["hosts"]
    (found,) = [f for f in host["after"]["findings"] if f["id"] == "ACC-24"]
    return dict(found)
