"""`keepgate agent`: what may be asked, where, and how it ends; no host is needed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import yaml

from keepgate.cli import agent, agentask, exits, program
from keepgate.cli.agentask import Asked

if TYPE_CHECKING:
    from deploys.edge import Target

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
TARGET = cast("Target", SimpleNamespace(name="web"))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path / "home"))


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    """Return an inventory of two hosts that nobody reaches (RFC 5737)."""
    path = tmp_path / "two.yml"
    document = {
        "defaults": {"login": "debian", "operator": {"name": "keeper", "keys": [KEY]}},
        "hosts": {
            "web": {"address": "192.0.2.1"},
            "www": {"address": "192.0.2.2"},
        },
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


@pytest.mark.parametrize("verb", [each for each in agent.VERBS if not each.many])
def test_who_changes_something_names_one_host(
    verb: agent.Verb,
    inventory: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With several hosts nothing is asked of any."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    given = [name for name, _ in verb.arguments if not name.startswith("-")]

    status = program.main(["agent", *verb.words, inventory, *given])

    assert exits.USAGE == status
    assert "say --limit web" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_secret_is_shown_on_a_terminal_only(
    words: list[str], inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """To a file or a pipe nothing is shown, and nothing is asked of the host."""
    asked = ["agent", "first-admin", inventory, "--limit", "web", *words]

    assert exits.USAGE == program.main(asked)

    told = capsys.readouterr()
    assert "run it on a terminal" in told.err
    assert (told.out == "") is (not words)


def test_a_secret_is_in_no_document(
    inventory: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not on a terminal, either."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    asked = ["agent", "first-admin", inventory, "--limit", "web", "--json"]
    assert exits.USAGE == program.main(asked)
    assert exits.USAGE == json.loads(capsys.readouterr().out)["exit"]


@pytest.mark.parametrize(
    "words",
    [
        ["users"],
        ["nonsense"],
        ["users", "add"],
        ["users", "reset-password"],
        ["users", "role", "x.yml", "carol"],
        ["audit", "tail", "x.yml", "--count", "0"],
        ["audit", "tail", "x.yml", "--count", "501"],
        ["audit", "tail", "x.yml", "--count", "many"],
        ["status", "x.yml", "y.yml"],
    ],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read, or would show a link, ends with 2."""
    with pytest.raises(SystemExit) as ended:
        program.main(["agent", *words])

    assert exits.USAGE == ended.value.code
    assert "--help" in capsys.readouterr().err


def test_a_host_that_is_not_there(
    inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The inventory says which there are."""
    asked = ["agent", "status", inventory, "--limit", "wbe", "--json"]

    assert exits.USAGE == program.main(asked)
    assert "wbe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([Asked(TARGET)], 0),
        ([Asked(TARGET), Asked(TARGET, status="failed")], 1),
        ([Asked(TARGET, status="unreachable")], 4),
        ([Asked(TARGET, status="failed", misused=True)], 2),
        ([Asked(TARGET, status="failed"), Asked(TARGET, regress="cut")], 5),
        ([Asked(TARGET, status="unreachable"), Asked(TARGET, regress="cut")], 5),
    ],
)
def test_a_regress_is_what_matters_most(answers: list[Asked], status: int) -> None:
    """Exit status 5 wherever any log regressed."""
    assert status == agent.status_of(answers)


def test_what_a_host_says_steers_no_terminal(
    monkeypatch: pytest.MonkeyPatch, inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters of its answer are escaped."""
    nasty = Asked(TARGET, text="name\x1b[2Jmallory\n\x9b1mx", message="\x1b]0;x\x07")
    monkeypatch.setattr(agentask, "asked", lambda *_, **__: nasty)

    program.main(["agent", "status", inventory, "--limit", "web"])

    shown = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x07"} & set(shown)
    assert "mallory" in shown
