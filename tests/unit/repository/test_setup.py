"""`.ci/setup` prepares a machine, or says in one line what to do instead."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SETUP = PROJECT / ".ci" / "setup"

Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Run the script on a machine whose named programs answer otherwise."""

    def run(what: str = "lab", **programs: str) -> str:
        for name, body in programs.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(0o700)
        done = subprocess.run(
            ["sh", str(SETUP), what],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert 2 == done.returncode
        assert "" == done.stdout
        assert 1 == len(done.stderr.splitlines())
        return done.stderr

    return run


def test_another_system_is_told_what_to_use(told: Told) -> None:
    """On macOS there is one line, and it names Debian."""
    assert "this needs Linux" in told(uname="echo Darwin")


def test_an_old_python_is_told(told: Told) -> None:
    """An interpreter before 3.11 is named as the reason."""
    assert "Python 3.11 or newer" in told(python3="exit 1")


def test_without_root_the_missing_packages_are_named(told: Told) -> None:
    """Whoever may not install gets the command for somebody who may."""
    said = told(id="echo 1000", sudo="exit 1", dpkg_query="exit 1")

    assert "root is needed once" in said
    assert "apt-get install" in said
    assert "systemd-container" in said


def test_the_fast_tests_ask_for_less(told: Told) -> None:
    """Without hosts, nothing of the lab is needed."""
    said = told("fast", id="echo 1000", sudo="exit 1", dpkg_query="exit 1")

    assert "systemd-container" not in said
