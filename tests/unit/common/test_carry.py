"""A plan as a text: carried out by a real shell, in folders of the test's own."""

from __future__ import annotations

import getpass
import grp
import os
import re
import subprocess
from pathlib import Path

import pytest

from deploys.common import carry
from deploys.common.changes import Action, Directory, FileChange, FileState, Plan
from deploys.common.errors import StepFailed
from deploys.common.remote import Reply

USER, GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name


def own(content: bytes, mode: int = 0o640) -> FileState:
    """Return a file of whoever runs the tests."""
    return FileState(content, USER, GROUP, mode)


def carried(tmp_path: Path, plan: Plan) -> Reply:
    """Let a shell carry *plan* out with its state below *tmp_path*; judge it."""
    made = carry.job(plan)
    text = made.text.replace("/run/keepgate", str(tmp_path / "run"))
    done = subprocess.run(
        ["sh", "-s"], input=text, capture_output=True, text=True, check=False
    )
    reply = Reply(
        done.returncode,
        tuple(done.stdout.splitlines()),
        tuple(done.stderr.splitlines()),
    )
    made.judge(reply)
    return reply


def put(path: Path, content: bytes) -> FileChange:
    """Return the change that writes *content* to *path*."""
    return FileChange(str(path), None, own(content))


def test_actions_and_files_are_carried_out_in_order(tmp_path: Path) -> None:
    """Before, files, after: each sees what came before it."""
    file, log = tmp_path / "file", tmp_path / "log"
    plan = Plan(
        "trial",
        before=(Action("look", f"[ ! -e {file} ]; echo before >{log}"),),
        files=(put(file, b"text\n"),),
        after=(Action("look again", f"cat {file} >>{log}"),),
    )

    carried(tmp_path, plan)

    assert "before\ntext\n" == log.read_text()
    assert 0o640 == file.stat().st_mode & 0o7777


def test_any_content_arrives(tmp_path: Path) -> None:
    """Zero bytes and the text that ends the here-document are content."""
    content = b"\x00\xff'\"$`\\\nKEEPGATE\nend without a line end"

    carried(tmp_path, Plan("trial", files=(put(tmp_path / "file", content),)))

    assert content == (tmp_path / "file").read_bytes()


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    """A link planted at a managed path does not redirect the write."""
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("precious")
    link.symlink_to(victim)

    carried(tmp_path, Plan("trial", files=(put(link, b"ours"),)))

    assert "precious" == victim.read_text()
    assert not link.is_symlink()
    assert b"ours" == link.read_bytes()


def test_a_staged_name_that_is_taken_is_not_written_through(tmp_path: Path) -> None:
    """A link planted under the staged name is removed first."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".keepgate-converge-file.new").symlink_to(victim)

    carried(tmp_path, Plan("trial", files=(put(tmp_path / "file", b"ours"),)))

    assert "precious" == victim.read_text()


def test_folders_come_before_their_files(tmp_path: Path) -> None:
    """A folder gets its mode and is used at once."""
    folder = tmp_path / "made"
    plan = Plan(
        "trial",
        files=(
            FileChange(str(folder), None, Directory(USER, GROUP, 0o700)),
            put(folder / "file", b"x"),
        ),
    )

    carried(tmp_path, plan)

    assert 0o700 == folder.stat().st_mode & 0o7777
    assert b"x" == (folder / "file").read_bytes()


def test_removing_what_is_gone_is_no_failure(tmp_path: Path) -> None:
    """The end is what counts."""
    carried(
        tmp_path,
        Plan("trial", files=(FileChange(str(tmp_path / "gone"), own(b""), None),)),
    )


def test_a_failing_step_stops_the_rest_and_is_named(tmp_path: Path) -> None:
    """What comes after a failure does not happen; the error says where and why."""
    plan = Plan(
        "trial",
        before=(
            Action("first", "true"),
            Action("second", "echo 'E: no room for it' >&2; false; true"),
        ),
        files=(put(tmp_path / "file", b"x"),),
    )

    with pytest.raises(StepFailed, match=r"'second' failed: E: no room for it") as told:
        carried(tmp_path, plan)

    assert "second" == told.value.step
    assert "the 1 steps before it stand" in told.value.fix
    assert not (tmp_path / "file").exists()


def test_a_directory_at_a_files_path_is_left_alone(tmp_path: Path) -> None:
    """Nothing of somebody else's is destroyed to write a file."""
    (tmp_path / "file").mkdir()

    with pytest.raises(StepFailed, match="is no regular file"):
        carried(tmp_path, Plan("trial", files=(put(tmp_path / "file", b"x"),)))

    assert (tmp_path / "file").is_dir()
    assert not list(tmp_path.glob(".keepgate-*"))


def test_a_cut_off_text_does_nothing(tmp_path: Path) -> None:
    """A connection that breaks while the text is sent changes nothing."""
    file = tmp_path / "file"
    text = carry.job(Plan("trial", files=(put(file, b"x"),))).text

    for length in range(0, len(text) - len('main "$@" </dev/null\n'), 97):
        subprocess.run(
            ["sh", "-s"],
            input=text[:length],
            text=True,
            capture_output=True,
            check=False,
        )

    assert not file.exists()


def test_no_content_stands_in_a_command_line() -> None:
    """Contents travel in here-documents only, encoded."""
    text = carry.job(Plan("trial", files=(put(Path("/etc/x"), b"secret word"),))).text

    assert "secret word" not in text
    assert re.search(r"<<'KEEPGATE'\nc2VjcmV0IHdvcmQ=\nKEEPGATE", text)


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a//b", "/a/"])
def test_paths_that_are_not_normal_are_a_mistake(path: str) -> None:
    """Paths are compared as texts, so each has one spelling."""
    change = FileChange(path, None, own(b""))

    with pytest.raises(ValueError, match="not absolute and normal"):
        carry.job(Plan("trial", files=(change,)))
