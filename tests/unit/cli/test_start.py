"""The head start of the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from keepgate.cli.start import wants_engine

LIGHT = """
import sys
import keepgate.cli.start
heavy = {"pyinfra", "paramiko", "pydantic", "rich", "yaml", "jinja2", "gevent"}
print(sorted(heavy & {*sys.modules}))
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("apply my.yml", True),
        ("plan my.yml --limit web1", True),
        ("status my.yml --json", True),
        ("trust my.yml", True),
        ("verify my.yml", False),
        ("lab list", False),
        ("apply --help", False),
        ("apply my.yml -h", False),
        ("--version", False),
        ("", False),
    ],
)
def test_who_gets_a_head_start(words: str, *, expected: bool) -> None:
    """Commands that will not need the engine do not pay for it."""
    assert expected == wants_engine(words.split())


def test_nothing_heavy_comes_before_the_engine() -> None:
    """What takes long to import is imported while the engine warms up."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True
    )

    assert "[]" == done.stdout.strip()


def test_a_wrong_command_line_leaves_nothing_behind(tmp_path: Path) -> None:
    """The engine that nobody needs is gone when the command ends, and wrote nothing."""
    home = str(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-m", "keepgate", "apply"],
        env={**os.environ, "KEEPGATE_HOME": home},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 2 == done.returncode
    assert not Path(home).exists()
    assert [] == with_environment(f"KEEPGATE_HOME={home}")


def with_environment(entry: str) -> list[str]:
    """Return the processes of this machine that have *entry* in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if entry.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(process.name)
    return found
