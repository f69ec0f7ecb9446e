"""The inventories that ship are sound and tell the whole truth."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Container, Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from deploys.caddy.settings import SiteSettings
from deploys.settings import Settings
from keepgate.inventory.loader import load

INVENTORIES = Path(__file__).resolve().parents[3] / "inventories"
PRODUCTION = INVENTORIES / "production.example.yml"
EDITED = ("operator", "accounts.drop", "firewall.tcp")
"""What the example sets otherwise than the defaults, since it must be edited."""


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of the example's host, for a user who has the usual key."""
    monkeypatch.setenv("HOME", str(tmp_path))
    key = tmp_path / ".ssh" / "id_ed25519"
    key.parent.mkdir()
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    (host,) = load(PRODUCTION).hosts
    return host.settings


def _leaves(model: BaseModel, above: str = "") -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _keys_below(written: object, path: list[str]) -> Container[str]:
    for key in path:
        written = written.get(key) if isinstance(written, dict) else None
    return written if isinstance(written, dict) else ()


def test_the_example_shows_the_defaults(production: Settings) -> None:
    """What need not be edited has the value that it has when it is left out."""
    plain = Settings(operator=production.operator)
    expected = {k: v for k, v in _leaves(plain) if not k.startswith(EDITED)}

    assert expected == {
        k: v for k, v in _leaves(production) if not k.startswith(EDITED)
    }


def test_the_example_shows_every_setting(production: Settings) -> None:
    """No key is left for the reader to find elsewhere."""
    written = yaml.safe_load(PRODUCTION.read_text(encoding="utf-8"))["defaults"]
    missing = [
        path
        for path, _ in _leaves(production)
        if path not in written
        and path.split(".")[-1] not in _keys_below(written, path.split(".")[:-1])
    ]

    assert [] == missing


def test_every_section_is_explained() -> None:
    """Each section has a comment of its own, or one at its keys."""
    text = PRODUCTION.read_text(encoding="utf-8")
    for section in Settings.model_fields:
        block = re.search(
            rf"^  {section}:(?: \[\])?\n(?:  (?:  |# ).*\n|\n)+", text, re.MULTILINE
        )
        assert block is not None, section
        before = text[: block.start()].rstrip("\n").rsplit("\n", 1)[-1]
        assert "#" in block[0] or before.lstrip().startswith("#"), section


def test_the_example_site_shows_every_key() -> None:
    """Taken out of its comment it is a site, as far as its keys go together."""
    text = PRODUCTION.read_text(encoding="utf-8")
    block = re.search(r"^  sites: \[\]\n((?:  # .*\n)+)", text, re.MULTILINE)
    assert block is not None
    (written,) = yaml.safe_load(re.sub(r"^  # ", "", block[1], flags=re.MULTILINE))

    assert list(SiteSettings.model_fields) == list(written)
    del written["port"]
    assert SiteSettings.model_validate_json(json.dumps(written), strict=True)


@pytest.mark.parametrize("name", ["demo", "vagrant", "production.example"])
def test_each_inventory_has_a_file_for_pyinfra(name: str) -> None:
    """One line beside each lets pyinfra's own command read it."""
    text = (INVENTORIES / f"{name}.py").read_text(encoding="utf-8")

    assert "hosts = pyinfra_hosts(__file__)" in text
    assert (INVENTORIES / f"{name}.yml").is_file()
