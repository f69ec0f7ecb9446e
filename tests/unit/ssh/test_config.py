"""Reading sshd_config in sshd's order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploys.ssh.config import MAIN, UnreadableConfig, directives, expand, words

FOLDER = "/etc/ssh/sshd_config.d"


def _found(files: dict[str, str]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(d.keyword, d.value, d.matches) for d in directives(files)]


def test_included_lines_stand_in_place_of_the_include() -> None:
    """A drop-in that the first line includes comes before the main file's rest."""
    files = {
        MAIN: "Include sshd_config.d/*.conf\nUsePAM yes\n",
        f"{FOLDER}/b.conf": "UsePAM no\n",
        f"{FOLDER}/a.conf": "Port 1\n",
    }

    found = [(d.place, d.value) for d in directives(files)]

    assert [
        (f"{MAIN}:1", "sshd_config.d/*.conf"),
        (f"{FOLDER}/a.conf:1", "1"),
        (f"{FOLDER}/b.conf:1", "no"),
        (f"{MAIN}:2", "yes"),
    ] == found


def test_match_ends_with_the_included_file() -> None:
    """A Match block in a drop-in does not reach into the file that includes it."""
    files = {
        MAIN: "Include sshd_config.d/*.conf\nX11Forwarding yes\n",
        f"{FOLDER}/a.conf": "Match User bob\n  X11Forwarding no\n",
    }

    assert [
        ("include", "sshd_config.d/*.conf", ()),
        ("match", "User bob", ()),
        ("x11forwarding", "no", ("User bob",)),
        ("x11forwarding", "yes", ()),
    ] == _found(files)


def test_include_under_match_is_conditional() -> None:
    """What is included below a Match line applies only where that does."""
    files = {MAIN: "Match User a\nInclude x\n", "/etc/ssh/x": "Match User b\nUsePAM no"}

    assert ("usepam", "no", ("User a", "User b")) == _found(files)[-1]


def test_match_all_ends_a_block() -> None:
    """`Match all` applies to everybody again."""
    files = {MAIN: "Match User a\nMatch all\nUsePAM no\n"}

    assert ("usepam", "no", ()) == _found(files)[-1]


def test_later_match_replaces_the_one_before() -> None:
    """Match blocks of one file stand beside each other, not in each other."""
    files = {MAIN: "Match User a\nMatch Group b\nUsePAM no\n"}

    assert ("usepam", "no", ("Group b",)) == _found(files)[-1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("UsePAM yes", ("usepam", "yes")),
        ("  usepam=yes", ("usepam", "yes")),
        ("UsePAM = yes # why", ("usepam", "yes")),
        ('Banner "/etc/my banner"', ("banner", "/etc/my banner")),
        ("\tUsePAM\tyes\r", ("usepam", "yes")),
        ("Banner none\f", ("banner", "none")),
    ],
)
def test_spellings_of_a_line(line: str, expected: tuple[str, str]) -> None:
    """Case, `=`, quotes, comments and odd white space are read as sshd does."""
    (directive,) = directives({MAIN: line})

    assert expected == (directive.keyword, directive.value)


@pytest.mark.parametrize("line", ["", "   ", "# UsePAM no", "\t#x"])
def test_empty_lines_and_comments_are_nothing(line: str) -> None:
    """They hold no directive."""
    assert () == directives({MAIN: line})


def test_endless_includes_are_refused() -> None:
    """A file that includes itself ends in an error, not in a loop."""
    with pytest.raises(UnreadableConfig, match="include each other"):
        directives({MAIN: f"Include {MAIN}\n"})


def test_unclosed_quote_names_the_place() -> None:
    """The server would not start; the error says where to look."""
    with pytest.raises(UnreadableConfig, match=f"{MAIN}:2"):
        directives({MAIN: 'UsePAM yes\nBanner "x\n'})


def test_pattern_skips_hidden_files_and_subfolders() -> None:
    """As in glob(3), `*` matches no leading dot and no slash."""
    files = {f"{FOLDER}/{name}": "" for name in ("a.conf", ".b.conf", "c/d.conf")}

    assert (f"{FOLDER}/a.conf",) == expand("sshd_config.d/*.conf", files)


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0", codec="utf-8"))))
def test_quoted_words_are_read_back(values: list[str]) -> None:
    """Arguments in quotes come back whole, whatever they hold."""
    quoted = " ".join(
        '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))
        for value in values
    )

    assert tuple(values) == words(quoted)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but the one error comes out of a broken file."""
    try:
        found = directives({MAIN: text})
    except UnreadableConfig:
        return
    assert all(d.keyword == d.keyword.lower() and d.keyword for d in found)
