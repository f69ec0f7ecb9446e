"""Packages are installed once, all together, and only on a sound host."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import Any

import pytest

from deploys.common.batch import Output
from deploys.common.changes import Plan
from deploys.common.dpkg import Holder, Package, Packages, PackagesFact
from deploys.common.packages import INODES, ROOM, plan

INSTALLED = Package("i", "i", "", "1.0")
SOUND = Packages(
    known={"nftables": INSTALLED},
    candidates={"fail2ban": "1.1"},
    broken=(),
    interrupted=False,
    holders=(),
    age=60,
    room={"/": (ROOM * 2, INODES * 2)},
    leftover=False,
)


def but(**changes: Any) -> Packages:
    """Return the sound host with some fields changed."""
    return replace(SOUND, **changes)


def codes(made: Plan) -> set[str]:
    """Return the codes of the refusals."""
    return {refusal.code for refusal in made.refusals}


def test_nothing_is_done_when_all_is_there() -> None:
    """A second run has no step, whatever the lists' age."""
    assert not plan(["nftables"], but(age=None))


def test_what_is_missing_is_one_step() -> None:
    """Only the missing ones are named, in one transaction."""
    made = plan(["fail2ban", "nftables"], SOUND)

    assert ["install fail2ban"] == [action.summary for action in made.before]


@pytest.mark.parametrize("age", [None, 3601, -5])
def test_stale_lists_are_fetched(age: int | None) -> None:
    """Lists that are absent, old or from the future are fetched first."""
    fresh = plan(["fail2ban"], SOUND).before[0].do
    stale = plan(["fail2ban"], but(age=age)).before[0].do

    assert "  install || { update && install; }\n" in fresh
    assert "  update || echo" in stale


def test_the_step_is_a_shell_text() -> None:
    """`sh -n` takes it."""
    text = plan(["fail2ban"], SOUND).before[0].do

    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"interrupted": True}, "dpkg"),
        ({"broken": ("x",)}, "dpkg"),
        ({"holders": (Holder(7, "aptitude", ""),)}, "dpkg-locked"),
        ({"room": {"/": (ROOM - 1, None)}}, "disk-full"),
        ({"room": {"/": (ROOM, INODES - 1)}}, "disk-full"),
        ({"candidates": {}}, "package-unknown"),
        ({"known": {"fail2ban": Package("h", "n", "", "")}}, "package-held"),
    ],
    ids=["interrupted", "broken", "locked", "bytes", "inodes", "unknown", "held"],
)
def test_an_unsound_host_is_refused(changes: dict[str, object], code: str) -> None:
    """Each with its code, before anything is installed."""
    assert {code} == codes(plan(["fail2ban"], but(**changes)))


def test_an_unsound_host_that_needs_nothing_is_told_only() -> None:
    """A broken dpkg is no reason to leave SSH as it is."""
    made = plan(["nftables"], but(broken=("x",)))

    assert () == made.refusals
    assert "half done" in made.notes[0]


@pytest.mark.parametrize(
    ("program", "unit"),
    [
        ("unattended-upgr", ""),
        ("apt-get", "/system.slice/apt-daily.service"),
        ("apt-get", "/system.slice/cloud-final.service"),
    ],
)
def test_jobs_that_end_by_themselves_are_waited_for(program: str, unit: str) -> None:
    """Only somebody at a prompt holds a host up."""
    made = plan(["fail2ban"], but(holders=(Holder(7, program, unit),)))

    assert set() == codes(made)
    assert f"{program} (process 7)" in made.notes[0]


@pytest.mark.parametrize("name", ["", "-y", "a b", "Fail2ban", "x;y", "../x"])
def test_names_are_packages_and_nothing_else(name: str) -> None:
    """No option and no command hides in a name."""
    with pytest.raises(ValueError, match="is no name of a package"):
        PackagesFact().command(names=(name,))


def test_answers_are_read() -> None:
    """What dpkg, apt and the kernel say becomes data."""
    fact = PackagesFact()
    fact.command(names=("fail2ban", "nftables"))
    texts = {
        "known": b"ii |nftables|1.0.6-2\nhn |fail2ban|\n",
        "candidates": b"fail2ban:\n  Installed: (none)\n  Candidate: 1.0.2-2\n",
        "broken": b"iFR|half\n",
        "interrupted": b"0001\n",
        "holders": b"12|apt-get|0::/system.slice/apt-daily.service\n",
        "lists": b"1000\n400\n700\n",
        "room": b"Mounted on Avail Inodes IFree\n/ 4096 10 5\n/boot efi 9 0 0\n",
        "leftover": b"",
    }
    answers = {name: Output(0, text) for name, text in texts.items()}

    expected = Packages(
        known={
            "nftables": Package("i", "i", "", "1.0.6-2"),
            "fail2ban": Package("h", "n", "", ""),
        },
        candidates={"fail2ban": "1.0.2-2"},
        broken=("half",),
        interrupted=True,
        holders=(Holder(12, "apt-get", "/system.slice/apt-daily.service"),),
        age=300,
        room={"/": (4096, 5), "/boot efi": (9, None)},
        leftover=True,
    )
    assert expected == fact.interpret(answers)
