"""Files are compared by content, owner and mode, and seen for what they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploys.common import batch, files
from deploys.common.changes import Directory, FileChange, FileState, Foreign


def seen(*paths: Path) -> dict[str, files.Observed]:
    """Return what a real shell tells of *paths*."""
    text = batch.render(files.sections(str(path) for path in paths))
    done = subprocess.run(
        ["sh", "-c", text], capture_output=True, text=True, check=True
    )
    return files.observed(batch.parse(done.stdout.splitlines()))


def test_content_owner_and_mode_are_observed(tmp_path: Path) -> None:
    """A file's every byte and its mode arrive."""
    path = tmp_path / "file"
    path.write_bytes(b"a\n\nb|c\xff")
    path.chmod(0o640)

    expected = FileState(b"a\n\nb|c\xff", path.owner(), path.group(), 0o640)
    assert expected == seen(path)[str(path)]


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    """Empty is not absent."""
    path = tmp_path / "empty"
    path.touch()

    found = seen(path)[str(path)]
    assert isinstance(found, FileState)
    assert b"" == found.content


def test_a_link_is_foreign_wherever_it_leads(tmp_path: Path) -> None:
    """A symbolic link is never read through, not even a broken one."""
    sound, broken = tmp_path / "sound", tmp_path / "broken"
    sound.symlink_to("/etc/hostname")
    broken.symlink_to(tmp_path / "nowhere")

    link = Foreign("symbolic link")
    assert {str(sound): link, str(broken): link} == seen(sound, broken)


def test_absence_and_folders_are_told(tmp_path: Path) -> None:
    """None means absent; a folder has an owner and a mode."""
    tmp_path.chmod(0o750)
    gone = tmp_path / "gone"

    expected = Directory(tmp_path.owner(), tmp_path.group(), 0o750)
    assert {str(gone): None, str(tmp_path): expected} == seen(gone, tmp_path)


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    """A name with quotes and blanks is a name."""
    if not all(c.isalnum() or c in "_./:@-" for c in str(tmp_path)):
        pytest.fail("the test's own folder has an odd name")
    with pytest.raises(ValueError, match="characters other than"):
        seen(tmp_path / "it's; rm -rf x")


@pytest.mark.parametrize(
    "other",
    [
        FileState(b"b"),
        FileState(b"a", user="bin"),
        FileState(b"a", group="bin"),
        FileState(b"a", mode=0o600),
        Directory(),
        Foreign("fifo"),
        None,
    ],
    ids=["content", "user", "group", "mode", "folder", "fifo", "absent"],
)
def test_every_difference_is_a_change(other: files.Observed) -> None:
    """Whatever differs is put right; what is alike is left."""
    wanted = FileState(b"a")

    expected = (FileChange("/x", other, wanted),)
    assert expected == files.changes({"/x": wanted}, {"/x": other})
    assert () == files.changes({"/x": wanted}, {"/x": wanted})


def test_what_shall_be_absent_and_is_stays_so() -> None:
    """Nothing is removed that is not there."""
    assert () == files.changes({"/x": None}, {"/x": None})
    assert "remove /x" == files.changes({"/x": None}, {"/x": Directory()})[0].summary


def test_a_diff_shows_mode_and_owner() -> None:
    """A change of the mode alone is visible."""
    change = FileChange(
        "/x", FileState(b"a\n", mode=0o644), FileState(b"a\n", mode=0o600)
    )

    assert "-# root:root 0644" in change.diff()
    assert "+# root:root 0600" in change.diff()
