"""What is no inventory at all, or cannot be read, is told as such."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.inventory.mistakes import GOOD, Write, mistakes


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the file is empty"),
        ("# nothing but a comment\n", "the file is empty"),
        ("---\n...\n", "the file is empty"),
        ("{}\n", "there are no hosts"),
        ("hosts:\n", "there are no hosts"),
        ("hosts: {}\n", "there are no hosts"),
        ("- one\n- two\n", "must hold the keys"),
        ("just a word\n", "must hold the keys"),
        ("hosts:\n\tone:\n", "a tab"),
        ("hosts:\n  one: {}\n two: {}\n", "does not fit the indentation"),
        ("hosts:\n  one\n  two: {}\n", "no key can be"),
        ("hosts: {one: {}\n", "bracket is opened"),
        ("hosts: {one: 'x}\n", "quote is opened"),
        ("hosts: one: two\n", "no key can be"),
        ("hosts: @one\n", "cannot begin with '@'"),
        ("hosts: *one\n", "without its anchor"),
        ("hosts: {}\n---\nhosts: {}\n", "second document"),
        ("hosts: &a {one: *a}\n", "holds itself"),
        ("hosts: !ruby/object {}\n", "tags"),
        ("hosts: !!python/object/apply:os.system [ls]\n", "tags"),
        ("hosts: {one: &a {}, two: {<<: *a}}\n", "merge keys"),
        ("hosts: {? [a] : b}\n", "a key must be a word"),
        ("hosts: \x07\n", "control character"),
        ("[" * 5000, "nested far too deep"),
    ],
)
def test_what_is_no_inventory(write: Write, text: str, what: str) -> None:
    """YAML that cannot be read, or holds nothing, is told in plain words."""
    found = mistakes(write(text))

    assert [problem for problem in found if what in problem.what and problem.fix]


def test_aliases_cannot_fill_the_memory(write: Write) -> None:
    """Aliases of aliases of aliases are refused before they have grown."""
    levels = "".join(
        f"k{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )

    (problem,) = mistakes(write(f"k0: &a0 [x]\n{levels}"))

    assert "far too many" in problem.what


def test_a_file_that_is_no_text(folder: Path) -> None:
    """The place of the first byte that is no UTF-8 is told."""
    path = folder / "x.yml"
    path.write_bytes(b"hosts:\n  a\xff: {}\n")

    (problem,) = mistakes(path)

    assert problem.at is not None
    assert (2, 4) == (problem.at.line, problem.at.column)


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        ("y.yml", "there is no such file", "did you mean inventories/x.yml?"),
        ("production.yml", "there is no such file", "there are inventories/x.yml"),
        ("../nowhere/x.yml", "there is no such file", "production.example.yml"),
        (".", "this is a folder", "there are inventories/x.yml"),
        ("x.py", "for pyinfra's own command", "name inventories/x.yml"),
    ],
)
def test_what_is_not_there(
    write: Write, folder: Path, name: str, what: str, fix: str
) -> None:
    """Whoever misspells a file's name is shown the files there are."""
    write(GOOD)

    (problem,) = mistakes(folder / name)

    assert what in problem.what
    assert fix in problem.fix


def test_what_cannot_be_read(folder: Path) -> None:
    """A file that answers with an error (here: even to root) is told as such."""
    path = folder / "x.yml"
    path.symlink_to("/proc/self/mem")

    (problem,) = mistakes(path)

    assert "the file cannot be read: Input/output error" in problem.what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(write: Write) -> None:
    """A file of somebody else is told as such."""
    path = write(GOOD)
    path.chmod(0)

    (problem,) = mistakes(path)

    assert "Permission denied" in problem.what


def test_a_device_is_not_read(folder: Path) -> None:
    """An endless file is refused by its kind."""
    path = folder / "x.yml"
    path.symlink_to("/dev/zero")

    (problem,) = mistakes(path)

    assert "no regular file" in problem.what


def test_a_huge_file_is_not_read(folder: Path) -> None:
    """A file of the wrong kind is refused by its size."""
    path = folder / "x.yml"
    with path.open("wb") as file:
        file.truncate(9 * 2**20)

    (problem,) = mistakes(path)

    assert "larger than 4 MiB" in problem.what
