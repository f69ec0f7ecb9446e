"""The command line: outcomes and exit codes, one JSON document."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from deploys.common.changes import Refusal
from deploys.common.errors import KeepgateError, Refused, RolledBack, Unreachable
from keepgate import cli
from keepgate.cli import exits, program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path / "home"))


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make `plan` end with an exception."""

    def end(error: BaseException) -> None:
        def run(args: argparse.Namespace) -> int:
            del args
            raise error

        module = importlib.import_module("keepgate.cli.plan")
        monkeypatch.setattr(module, "run", run)

    return end


@pytest.mark.parametrize("name", list(program.COMMANDS))
def test_every_command_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`keepgate COMMAND --help` tells what it does and the exit statuses."""
    with pytest.raises(SystemExit) as ended:
        program.main([name, "--help"])

    assert 0 == ended.value.code
    assert "exit status" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], *([name] for name in program.COMMANDS)])
def test_help_fits_a_terminal(
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No line of a help page is wider than the usual 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit):
        program.main([*words, "--help"])

    assert [] == [
        line for line in capsys.readouterr().out.splitlines() if len(line) > 79
    ]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["apply"],
        ["apply", "x.yml", "--only", "nonsense"],
        ["apply", "x.yml", "--batch", "0"],
        ["apply", "x.yml", "--batch", "many"],
        ["trust", "x.yml", "--fingerprint", "MD5:00"],
        ["plan", "x.yml", "--nonsense"],
        ["plan", "x.yml", "y.yml"],
        ["lab", "ssh"],
        ["lab", "list", "--", "id"],
    ],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read ends with 2 and says where to look."""
    with pytest.raises(SystemExit) as ended:
        program.main(words)

    assert exits.USAGE == ended.value.code
    told = capsys.readouterr()
    assert "--help" in told.err
    assert not told.out


def test_help_of_the_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Who gives a command what it does not take is sent to that command's help."""
    with pytest.raises(SystemExit):
        program.main(["plan", "x.yml", "y.yml"])

    assert "see `keepgate plan --help`" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--limit", "--only"])
def test_inventory_behind_a_list_is_explained(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of hosts or topics swallows what follows; we say where it belongs."""
    with pytest.raises(SystemExit):
        program.main(["plan", option, "my.yml"])

    assert "it stands before --limit and --only" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["web", "--", "ls", "-l", "--", "x"],
        ["web", "--login", "root", "--", "ls", "-l", "--", "x"],
        ["--login", "root", "web", "--", "ls", "-l", "--", "x"],
        ["web", "ls", "--", "-l", "--", "x"],
    ],
)
def test_command_for_a_host_stays_whole(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stands before it, all behind `--` goes to the host."""
    seen: list[argparse.Namespace] = []

    def run(args: argparse.Namespace) -> int:
        seen.append(args)
        return 0

    monkeypatch.setattr(importlib.import_module("keepgate.cli.lab"), "run", run)

    assert 0 == program.main(["lab", "ssh", *words])
    assert ("web", ["ls", "-l", "--", "x"]) == (seen[0].name, seen[0].words)


@pytest.mark.parametrize("name", ["trust", "plan", "apply", "verify", "status"])
def test_missing_inventory(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command on an inventory ends with 2 where there is none."""
    path = tmp_path / "none.yml"

    assert exits.USAGE == program.main([name, str(path), "--json"])

    told = json.loads(capsys.readouterr().out)
    assert (name, 2, []) == (told["command"], told["exit"], told["hosts"])
    assert "there is no such file" in told["error"]["problems"][0]["message"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeepgateError("it broke", "mend it"), 1),
        (RolledBack("undone"), 3),
        (Unreachable("gone"), 4),
        (exits.UsageError("what?"), 2),
        (KeyboardInterrupt(), 130),
        (ValueError("never thought of"), 1),
    ],
)
def test_every_end_is_a_document(
    ending: Callable[[BaseException], None],
    error: BaseException,
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """However a command ends: one JSON document, a word on stderr, the exit status."""
    ending(error)

    assert status == program.main(["plan", "x.yml", "--json"])

    told = capsys.readouterr()
    assert status == json.loads(told.out)["exit"]
    assert told.err.startswith("keepgate: ")
    assert "Traceback" not in told.err


def test_refusals_are_listed(
    ending: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each refusal stands in the document with its remedy."""
    ending(Refused([Refusal("one", "no", "do"), Refusal("two", "never", "do not")]))

    assert 1 == program.main(["plan", "x.yml", "--json"])

    problems = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert ["one", "two"] == [problem["code"] for problem in problems]


def test_crash_is_kept(
    ending: Callable[[BaseException], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What nobody expected is told in a line; the trace is kept, for us alone."""
    ending(ValueError("never thought of"))

    assert 1 == program.main(["plan", "x.yml"])

    kept = tmp_path / "home/log/crash.txt"
    assert str(kept) in capsys.readouterr().err
    assert "never thought of" in kept.read_text()
    assert 0o600 == kept.stat().st_mode & 0o777


def test_interrupt_while_importing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C before there is a command line to read leaves no traceback."""

    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(
        sys.modules, "keepgate.cli.program", SimpleNamespace(main=interrupted)
    )

    assert exits.INTERRUPTED == cli.main()
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["ok", "changed", "not started"], 0),
        (["failed", "ok"], 1),
        (["unreachable", "failed"], 1),
        (["unreachable"], 4),
        (["failed", "rolled_back", "unreachable"], 3),
        (["refused"], 1),
        ([], 0),
    ],
)
def test_exit_status_of_several_hosts(statuses: list[str], expected: int) -> None:
    """The first of 3, 1, 4 that any host met."""
    assert expected == exits.of_all(statuses)
