"""Commands that errors name."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepgate.inventory import hints
from keepgate.inventory.loader import load
from tests.unit.inventory.conftest import Write

HOST = """\
defaults: {login: debian, operator: {name: keeper, keys: [operator.pub]}}
hosts: {web: {address: 192.0.2.7}}
"""


def test_trust_names_the_inventory_as_it_is_reached_from_here(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command can be pasted: it names the file, from the working directory."""
    (target,) = load(write(HOST)).hosts
    monkeypatch.chdir(tmp_path / "inventories")

    command = hints.trust(target, "--replace", target.name)

    assert "keepgate trust x.yml --replace web" == command
