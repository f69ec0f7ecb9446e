"""The demo, as far as it boots nothing: refusals, its inventory, what it hints at."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from keepgate.cli import demo, exits
from keepgate.cli.program import main
from keepgate.cli.runs import HostRun
from keepgate.engine import events
from keepgate.inventory.home import PROJECT
from keepgate.inventory.loader import load
from keepgate.lab import LabHost
from keepgate.report import Scene, Story
from tests.unit.report.conftest import finding, report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
def test_without_root_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
) -> None:
    """Nothing is begun, and the remedy is told."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert exits.USAGE == main(["demo", *more])
    said = capsys.readouterr().err
    expected = (
        "keepgate: booting the demo's host needs root"
        " (run the same command with sudo -E)\n"
    )
    assert expected == said


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LabHost:
    """The demo's host in a lab of its own, which is booted nowhere."""
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path))
    key = tmp_path / "lab" / "id_ed25519"
    key.parent.mkdir(mode=0o700)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    return LabHost(
        name="demo",
        suffix=10,
        address4="198.18.99.10",
        address6="fd6b:6567:6c61:63::10",
        release="trixie",
        backend="nspawn",
        variant="cloud",
        login="debian",
        key=key,
        folder=tmp_path / "lab" / "hosts" / "demo",
    )


@pytest.mark.parametrize(("sudo", "lead"), [("", ""), ("1000", "sudo -E ")])
def test_hints_can_be_pasted(
    monkeypatch: pytest.MonkeyPatch, host: LabHost, sudo: str, lead: str
) -> None:
    """The program is named by its path, with sudo if that is how we were called."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr(sys, "prefix", str(PROJECT / ".venv"))
    monkeypatch.chdir(PROJECT)
    if sudo:
        monkeypatch.setenv("SUDO_UID", sudo)
    (target,) = load(demo.INVENTORY).hosts
    written = PROJECT / "out" / "authority.crt"

    assert [
        "echo '198.18.99.10 whoami.demo.test login.demo.test' | sudo tee -a /etc/hosts",
        "out/authority.crt",
        f"{lead}.venv/bin/keepgate agent first-admin inventories/demo.yml",
        "https://whoami.demo.test",
        f"{lead}.venv/bin/keepgate lab ssh demo",
        f"{lead}.venv/bin/keepgate plan inventories/demo.yml",
        f"{lead}.venv/bin/keepgate lab down demo",
    ] == [text for _, text in demo.hints(host, target, demo.INVENTORY, [written])]


def test_another_lab_has_an_inventory_of_its_own(host: LabHost) -> None:
    """Where the host has another address than in demo.yml: the same, with that."""
    path = demo.inventory_of(host)
    (found,), (usual,) = load(path).hosts, load(demo.INVENTORY).hosts

    assert path == host.key.parents[1] / "demo.yml"
    assert (host.address4, usual.settings) == (found.address, found.settings)


def test_the_usual_lab_has_the_inventory_of_the_project(host: LabHost) -> None:
    """Nothing is written where demo.yml says how it is."""
    usual = replace(host, address4="198.18.77.10")

    assert demo.INVENTORY == demo.inventory_of(usual)


@pytest.mark.parametrize(
    ("changes", "attack", "holds"),
    [(0, True, True), (1, True, False), (0, False, False)],
)
def test_it_holds_only_if_all_of_it_does(
    *, changes: int, attack: bool, holds: bool
) -> None:
    """No change is left to make, and no attack came through."""
    again = HostRun("demo")
    again.take(events.Ended("ok", changes=changes))
    scene = Scene(id="x", title="x", expected="so", seen="so", holds=attack)
    told = Story(
        app="a", login="b", who="c", visit=(), attacks=(scene,), pictures="none"
    )
    found = report(finding()).model_copy(update={"story": told})
    shown = demo.Shown(runs={"apply again": again}, story=told, report=found)

    assert holds is shown.holds
