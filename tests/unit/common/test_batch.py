"""Many observations in one command come back as they were."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyinfra.api.exceptions import FactProcessError

from deploys.common.batch import Output, parse, render, render_together


def answered(**sections: str) -> dict[str, Output]:
    """Return what a real shell answers to *sections*."""
    text = render(sections)
    done = subprocess.run(
        ["sh", "-c", text], capture_output=True, text=True, check=True
    )
    return parse(done.stdout.splitlines())


def together(*parts: dict[str, str]) -> dict[str, Output]:
    """Return what a real shell, called with `one two`, answers to *parts*."""
    text = f'main() {{\n{render_together(parts)}\n}}\nmain "$@" </dev/null\n'
    done = subprocess.run(
        ["sh", "-s", "--", "one", "two"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "" == done.stderr
    return parse(done.stdout.splitlines())


def test_output_and_status_of_every_section_arrive() -> None:
    """A failing section neither stops nor colours the next one."""
    answers = answered(one="echo a; exit 3", two="printf b")

    assert {"one": Output(3, b"a\n"), "two": Output(0, b"b")} == answers


@settings(max_examples=25)
@given(st.binary(max_size=200))
def test_any_bytes_arrive_unchanged(data: bytes) -> None:
    """Line ends, zero bytes and bytes that are no UTF-8 survive."""
    octal = "".join(f"\\{byte:03o}" for byte in data)

    assert data == answered(it=f"printf '{octal}'")["it"].data


def test_standard_input_is_closed() -> None:
    """A section that reads does not eat the ones after it."""
    answers = answered(reads="cat", after="echo here")

    assert (b"", b"here\n") == (answers["reads"].data, answers["after"].data)


def test_a_section_cannot_leave_its_frame() -> None:
    """`exit` ends its own section alone."""
    assert answered(a="exit 0", b="echo still")["b"].ok


def test_parts_run_side_by_side(tmp_path: Path) -> None:
    """The first part waits for what the last one does, which needs no first one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    answers = together(
        {"a/hears": f"timeout 30 cat {pipe}"},
        {"b/is": "true"},
        {"c/tells": f"timeout 30 sh -c 'echo now >{pipe}'"},
    )

    assert Output(0, b"now\n") == answers["a/hears"]


def test_parts_do_not_mix_and_keep_their_order() -> None:
    """However much they say at once, more than any pipe holds, it stays in order."""
    many = "head -c 300000 /dev/zero | tr '\\0' {}"
    parts = [
        {f"{part}/{n}": many.format(part) + f"; exit {n}" for n in (1, 2)}
        for part in "abc"
    ]

    answers = together(*parts)

    assert [name for part in parts for name in part] == list(answers)
    for name, output in answers.items():
        assert Output(int(name[-1]), name[0].encode() * 300_000) == output


def test_parts_know_the_arguments_and_read_nothing() -> None:
    """Every part sees the login's words; none eats what another one says."""
    answers = together(
        {"a/first": 'cat; echo "$1"'},
        {"b/second": 'cat; echo "$2"'},
        {"c/here": "cat <<'END'\n) } \" $1\nEND"},
    )

    assert [b"one\n", b"two\n", b') } " $1\n'] == [a.data for a in answers.values()]


def test_no_parts_say_nothing() -> None:
    """Nothing asked, nothing answered."""
    assert {} == together()


@pytest.mark.parametrize("line", ["Welcome!", "name !!!", "name Zm9v", ""])
def test_lines_that_are_no_answer_are_refused(line: str) -> None:
    """A banner on standard output is told, not taken for an answer."""
    with pytest.raises(FactProcessError, match="no section"):
        parse([line])


@pytest.mark.parametrize("name", ["a b", "a;b", "", "a\n", "$(x)"])
def test_names_that_a_shell_would_read_are_refused(name: str) -> None:
    """A section's name is never a command."""
    with pytest.raises(ValueError, match="characters other than"):
        render({name: "true"})
