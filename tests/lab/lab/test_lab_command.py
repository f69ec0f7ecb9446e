"""`keepgate lab` as a user has it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keepgate.inventory.loader import load

if TYPE_CHECKING:
    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab-command")]


def keepgate(*words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the JSON document of `keepgate lab`."""
    line = [sys.executable, "-m", "keepgate", "lab", *words[:1], "--json", *words[1:]]
    done = subprocess.run(line, check=False, capture_output=True, text=True)
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == document["exit"]
    return done.returncode, document


def test_a_host_comes_and_goes(name: str) -> None:
    """It is up, listed, in an inventory that loads, entered, and gone."""
    _, up = keepgate("up", name)
    _, listed = keepgate("list")
    inventory = Path(up["inventory"])
    names = {target.name for target in load(inventory).hosts}
    words = ["ssh", name, "--", "sudo", "-n", "id", "-u"]
    line = [sys.executable, "-m", "keepgate", "lab", *words]
    inside = subprocess.run(line, check=True, capture_output=True, text=True)
    status, down = keepgate("down", name)

    assert [name] == [host["name"] for host in up["hosts"] if host["running"]]
    assert up["hosts"][0] in listed["hosts"]
    assert name in names
    assert inside.stdout == "0\n"
    assert (0, [name]) == (status, down["gone"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("up",), "no host is named"),
        (("up", "A"), "'A' is no host name"),
        (("up", "lab-x", "--release", "sid"), "there is no release sid"),
        (("up", "lab-x", "--backend", "vagrant"), "has no backend vagrant yet"),
        (("up", "lab-x", "--source", "lab-gone"), "there is no host lab-gone"),
        (("down", "lab-gone"), "there is no host lab-gone"),
        (("down",), "name hosts, or say --all"),
        (("stop", "lab-gone"), "there is no host lab-gone"),
        (("ssh", "lab-gone"), "there is no host lab-gone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_request_ends_with_2(words: tuple[str, ...], told: str) -> None:
    """The document says what is wrong and what to do."""
    status, document = keepgate(*words)

    assert status == 2
    assert told in document["error"]["message"]
    assert document["error"]["fix"]


def test_a_taken_name_is_refused(stock: LabHost) -> None:
    """The host of that name stays as it is."""
    status, document = keepgate("up", stock.name, "--release", "bookworm")

    assert status == 2
    assert "has release trixie" in document["error"]["message"]
    assert stock.running


def test_without_root_the_remedy_is_sudo(stock: LabHost) -> None:
    """One line says so, before anything is made."""
    line = ["setpriv", "--reuid=65534", "--clear-groups", "--", sys.executable, "-c"]
    code = (
        "from keepgate.lab.run import require_root\n"
        "from keepgate.lab import LabUsageError\n"
        "try: require_root('booting hosts')\n"
        "except LabUsageError as error: print(error)\n"
    )
    done = subprocess.run([*line, code], check=False, capture_output=True, text=True)

    assert stock.running
    assert (
        done.stdout == "booting hosts needs root (run the same command with sudo -E)\n"
    )
