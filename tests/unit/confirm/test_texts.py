"""The texts themselves: valid sh, harmless when cut off, silent about the nonce."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from typing import TYPE_CHECKING

import pytest

from deploys.confirm.texts import as_argument, as_timer_argument, in_unit_file

if TYPE_CHECKING:
    from tests.unit.confirm.conftest import Scratch

NAMES = (
    "prepare",
    "run_switch",
    "switch",
    "whole",
    "rollback",
    "confirm",
    "outcome",
    "roll_back",
)


@pytest.mark.parametrize("name", NAMES)
def test_text_is_posix_sh(scratch: Scratch, name: str) -> None:
    """The shell parses every text, and shellcheck finds no mistake in it."""
    text = getattr(scratch.texts, name)()
    checker = shutil.which("shellcheck", path=sysconfig.get_path("scripts"))
    assert checker

    parsed = _feed(["/bin/sh", "-n"], text)
    checked = _feed([checker, "--shell=sh", "--severity=warning", "-"], text)

    assert parsed == ""
    assert checked == ""


def _feed(command: list[str], text: str) -> str:
    ended = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False
    )
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("name", ["prepare", "run_switch", "confirm"])
def test_text_that_is_cut_off_does_nothing(scratch: Scratch, name: str) -> None:
    """A connection that breaks while a text is sent leaves the host as it was."""
    if name != "prepare":
        scratch.run(scratch.texts.prepare())
    before = sorted(scratch.state.rglob("*"))
    text = getattr(scratch.texts, name)()
    end = len(text.rstrip()) - len("main </dev/null")

    for length in range(0, end, max(1, end // 12)):
        scratch.run(text[:length])
        assert before == sorted(scratch.state.rglob("*")), f"cut at {length}"
        assert scratch.is_as("before"), f"cut at {length}"


@pytest.mark.parametrize("name", ["prepare", "switch", "whole", "rollback"])
def test_nonce_is_in_no_text_that_others_could_read(
    scratch: Scratch, name: str
) -> None:
    """What stands in units and process lists holds the nonce's digest at most."""
    assert "5ca1ab1e" not in getattr(scratch.texts, name)()


def test_dollars_survive_systemd() -> None:
    """The manager expands dollars and percent signs unless they are doubled."""
    assert as_argument("echo $x") == "echo $$x"
    assert in_unit_file('a "$x" 5%\n\\') == 'a \\"$$x\\" 5%%\\n\\\\'


def test_reloads_of_systemd_leave_the_rollback_as_it_is() -> None:
    """What is written down and read again holds nothing that is escaped for it."""
    argument = as_timer_argument('echo "$1" 5%\n\\' * 99, "all")

    assert not set(argument) & set("$%\\\"'\n;")


def test_rollback_of_the_timer_is_what_was_packed() -> None:
    """The shell of the timer's unit runs the very text, with its argument."""
    argument = as_timer_argument("echo \"'$1'\" 5%\nexit 3\n", "all")

    ended = subprocess.run(
        ["/bin/sh", "-c", argument], capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.returncode) == ("'all' 5%\n", 3)
