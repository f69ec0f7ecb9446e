"""What is said in the terminal: safe whatever hosts say, wrapped, plural."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from keepgate.cli import output, words
from keepgate.cli.runs import HostRun
from keepgate.engine import events
from keepgate.report.text import plain


def printed(*, terminal: bool = False, width: int = 60) -> Console:
    """Return a console that keeps what is printed."""
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system=None,
        highlight=False,
    )


def text_of(console: Console) -> str:
    """Return what was printed to *console*."""
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\rb"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("Grüße", "Grüße"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    """Nothing that a host says can steer the terminal."""
    assert shown == plain(text)


def test_long_text_hangs_below_itself_on_a_terminal() -> None:
    """A long sentence is wrapped, its lines indented as its first word is."""
    out = printed(terminal=True, width=50)

    words.say(out, "word " * 20, indent="  ", lead="1. ")

    first, *others = text_of(out).splitlines()
    assert first.startswith("  1. word")
    assert others
    assert all(line.startswith("     word") for line in others)
    assert all(len(line) <= 50 for line in (first, *others))


def test_a_path_is_never_broken() -> None:
    """What is longer than a line stays whole, so that it can be copied."""
    path = "/a/very/long/path" * 5
    out = printed(terminal=True, width=50)

    words.say(out, f"see {path}", lead="→ ")

    assert path in text_of(out)


def test_long_text_is_one_line_without_a_terminal() -> None:
    """Where nobody looks, a sentence stays on its line, for grep."""
    out = printed(width=50)

    words.say(out, "word " * 20, indent="  ", lead="1. ")

    assert 1 == len(text_of(out).splitlines())


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 changes"), (1, "1 change"), (2, "2 changes")]
)
def test_counted(number: int, said: str) -> None:
    """Numbers agree with what they count."""
    assert said == words.counted(number, "change")


def test_refusals_are_a_list_with_remedies() -> None:
    """Several reasons are numbered, each with its remedy below it."""
    run = HostRun("web1")
    problems = [
        events.Problem("a", "no room", "make room"),
        events.Problem("b", "x", "y"),
    ]
    run.take(events.Ended("refused", message="2 things", problems=problems))
    out = printed(width=200)

    output.summary(out, [run])

    assert [
        "● web1  refused, nothing was changed",
        "  2 things",
        "  1. no room",
        "     → make room",
        "  2. x",
        "     → y",
    ] == text_of(out).splitlines()


def test_plan_shows_each_diff_below_its_change() -> None:
    """A file's diff stands below the change it belongs to, without file names."""
    run = HostRun("web1")
    diff = "--- /etc/a\n+++ /etc/a\n@@ -1 +1 @@\n-old\n+new\n"
    plan = events.Planned(
        "ssh", ["change /etc/a", "restart x"], [events.Diff("/etc/a", diff)], ["mind"]
    )
    run.take(plan)
    out = printed(width=200)

    output.plans(out, run)

    assert [
        "web1",
        "  ssh  2 changes",
        "    note: mind",
        "    • change /etc/a",
        "      @@ -1 +1 @@",
        "      -old",
        "      +new",
        "    • restart x",
        "",
    ] == text_of(out).splitlines()


def test_long_line_of_a_diff_hangs_below_itself() -> None:
    """On a terminal a diff keeps its margin, whatever its lines are like."""
    run = HostRun("web1")
    diff = f"--- /etc/a\n+++ /etc/a\n@@ -0,0 +1 @@\n+{'word ' * 20}\n"
    run.take(
        events.Planned("ssh", ["create /etc/a"], [events.Diff("/etc/a", diff)], [])
    )
    out = printed(terminal=True, width=60)

    output.plans(out, run)

    margin = [line for line in text_of(out).splitlines() if "word" in line]
    assert 2 <= len(margin)
    assert margin[0].startswith("      +word")
    assert all(line.startswith("       word") for line in margin[1:])


@pytest.mark.parametrize(
    ("changes", "shown"),
    [(0, "refused, nothing was changed"), (1, "refused after 1 change")],
)
def test_a_refusal_says_what_stands(changes: int, shown: str) -> None:
    """Nothing was changed only where that is so."""
    assert shown == words.status("refused", changes)
