"""What the documents say agrees with what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from keepgate.cli.program import COMMANDS

PROJECT = Path(__file__).resolve().parents[3]
TRACKED = tuple(
    PROJECT / name
    for name in subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    if name
)
DOCUMENTS = tuple(path for path in TRACKED if path.suffix == ".md")


@pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT))
)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link of a document is a file of the repository."""
    for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help(command: str) -> None:
    """The README names it, and `--help` tells more."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "keepgate", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert re.search(rf"keepgate {command}\b|`{command}\b", text)
    assert 0 == done.returncode
    assert "exit status" in done.stdout


def test_make_targets_of_the_readme_exist() -> None:
    """What a reader is told to type, make knows."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    rules = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", rules, re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_nothing_names_a_folder_of_the_writers_machine() -> None:
    """No absolute path of a home or a workplace stands in a tracked file."""
    pattern = re.compile(r"(?<![\w.-])/(?:root/\.|home/(?!debian|keeper|alice|\{))\S*")
    found = [
        f"{path.relative_to(PROJECT)}: {match[0]}"
        for path in DOCUMENTS
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]

    assert [] == found


def test_ci_runs_the_tests_of_the_readme() -> None:
    """`.ci/run` calls `make test` and nothing in its place."""
    assert "exec make test" in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
