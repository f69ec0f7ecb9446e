"""A scratch host: the real texts, real coreutils, and a systemd made of one script."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploys.common.changes import (
    Action,
    Commit,
    Directory,
    FileChange,
    FileState,
    Plan,
)
from deploys.confirm.layout import Layout
from deploys.confirm.session import Answer, parse
from deploys.confirm.texts import Texts
from deploys.confirm.work import work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

READING = ("cat", "cut", "date", "id", "sha256sum", "sleep", "stat", "timeout")
CHANGING = ("chmod", "chown", "cp", "mkdir", "mv", "rm", "rmdir", "sync", "touch")
"""Coreutils: with systemctl (and nft, which topics call) all that a rollback has."""

PREPARING = ("base64", "flock", "ln", "systemd-run", "unshare")
"""What arming and switching may call besides."""

TRACELESS = ("chown", "flock", "sync", "unshare")
"""Leave no trace on a scratch host: killed before one is killed before the next."""

NONCE = "5ca1ab1e" * 4
TIMEOUT = 60

# Counts the calls that change something, and kills the text before call KILL_AT.
_COUNT = """\
case "$1" in show|is-active|list-units|reset-failed) exec {program} "$@" ;; esac
read -r count <"$SCRATCH/count"
count=$((count + 1))
echo "$count" >"$SCRATCH/count"
if [ "$count" = "$KILL_AT" ]; then kill -KILL "-$GROUP"; fi
"""
_SHIM = """\
#!/bin/sh
{count}if [ -e "$SCRATCH/fails.{name}" ]; then exit 1; fi
exec {program} "$@"
"""

# One timer, named by a file; its service runs the text that the test wrote down.
_SYSTEMCTL = """\
#!/bin/sh
timer=$SCRATCH/timer
case "$*" in
  'show '*ActiveState*.timer) [ -e "$timer" ] && echo active || echo inactive ;;
  'show '*ActiveState*) echo inactive ;;
  'show '*ExecStart*) /bin/cat "$timer" ;;
  'show '*TimersMonotonic*) echo '{ OnActiveUSec=1min }' ;;
  'stop '*.timer) /bin/rm -f "$timer" ;;
  'list-units '*) if [ -e "$SCRATCH/known" ]; then echo keepgate-rollback-boot; fi ;;
  daemon-reload) /bin/rm -f "$SCRATCH/known" ;;
  'start keepgate-rollback'*) /bin/sh "$SCRATCH/rollback" finish ;;
  'is-active '*) exit 3 ;;
esac
"""
_SYSTEMD_RUN = """\
#!/bin/sh
case "$*" in
  *--on-active=*)
    if [ -e "$SCRATCH/timer" ]; then echo 'unit exists' >&2; exit 1; fi
    printf '%s\\n' "$*" >"$SCRATCH/timer" ;;
  *) /bin/sh "$SCRATCH/switch" ;;
esac
"""


_LEADER = 'GROUP=$$; export GROUP; exec /bin/sh "$@"'


@dataclass
class Scratch:
    """A folder that plays the host, and one commit on it."""

    root: Path
    texts: Texts
    files: tuple[FileChange, ...]
    layout: Layout
    environment: dict[str, str]
    status: int = 0
    errors: str = field(default="", init=False)

    @property
    def state(self) -> Path:
        """Where the commit keeps its things."""
        return Path(self.layout.state)

    def run(
        self, text: str, *arguments: str, kill_at: int = 0, unit: str = ""
    ) -> Answer:
        """Run *text* as the host would; kill it before mutating call *kill_at*.

        *unit* is what a unit runs that the text starts, by default our rollback.
        """
        (self.root / "count").write_text("0\n")
        # What the units run, in the form that systemd would hand it to the shell.
        (self.root / "rollback").write_text(unit or self.texts.rollback())
        (self.root / "switch").write_text(self.texts.switch())
        script = self.root / "text"
        script.write_text(text)
        ended = subprocess.run(
            ["/bin/sh", "-c", _LEADER, "sh", str(script), *arguments],
            env={**self.environment, "KILL_AT": str(kill_at)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            start_new_session=True,
        )
        self.status, self.errors = ended.returncode, ended.stderr
        return parse(ended.stdout.splitlines(), ended.stderr)

    @property
    def mutations(self) -> int:
        """How many mutating calls the last run made."""
        return int((self.root / "count").read_text())

    @property
    def armed(self) -> bool:
        """Whether the timer runs."""
        return (self.root / "timer").exists()

    @property
    def known(self) -> bool:
        """Whether systemd has read a unit of the commit, as a reload makes it do."""
        return (self.root / "known").exists()

    def reload(self) -> None:
        """Have systemd read its units anew, on somebody else's behalf."""
        (self.root / "known").touch()

    @property
    def history(self) -> list[str]:
        """The names of former commits, the oldest first."""
        return sorted(path.name for path in (self.state / "history").glob("*"))

    def fail(self, program: str) -> None:
        """Make *program* fail from now on."""
        (self.root / f"fails.{program}").touch()

    def mend(self, program: str) -> None:
        """Make *program* work again."""
        (self.root / f"fails.{program}").unlink()

    def arm_and_switch(self) -> None:
        """Bring the commit to where it awaits its proof."""
        assert self.run(self.texts.prepare()).word == "armed", self.errors
        assert self.run(self.texts.run_switch()).word == "switched", self.errors

    def lock_away(self, programs: Iterable[str]) -> None:
        """Take *programs* from the host."""
        for name in programs:
            (self.root / "bin" / name).unlink()

    @contextmanager
    def remembered(self) -> Iterator[Callable[[], None]]:
        """Lend a function that makes the host as it is now, but for its programs."""
        copy = self.root.with_name("copy")
        programs = shutil.ignore_patterns("bin", "real")
        shutil.copytree(self.root, copy, symlinks=True, ignore=programs)

        def recall() -> None:
            for path in self.root.iterdir():
                if not path.is_dir():
                    path.unlink()
                elif path.name not in {"bin", "real"}:
                    shutil.rmtree(path)
            shutil.copytree(copy, self.root, symlinks=True, dirs_exist_ok=True)

        yield recall

    def is_as(self, when: str) -> bool:
        """Whether every file is as it was `before` or shall be `after`."""
        wanted = {Path(c.path): getattr(c, when) for c in self.files}
        return all(_is(path, state) for path, state in wanted.items())

    def leftovers(self) -> Sequence[str]:
        """Return what a commit that has ended should not have left."""
        found = [
            *self.root.rglob(".keepgate-*"),
            *self.root.rglob("keepgate-rollback-*"),
            *(self.state / name for name in ("preparing", "armed", "rolling")),
        ]
        return [str(path) for path in found if os.path.lexists(path)]


def _is(path: Path, state: FileState | Directory | None) -> bool:
    match state:
        case None:
            return not os.path.lexists(path)
        case Directory(mode=mode):
            return path.is_dir() and path.stat().st_mode & 0o7777 == mode
        case FileState(content=content, mode=mode):
            return (
                path.is_file()
                and path.read_bytes() == content
                and path.stat().st_mode & 0o7777 == mode
            )


def make(
    root: Path,
    *,
    nonce: str = NONCE,
    before: tuple[Action, ...] = (),
    after: tuple[Action, ...] = (),
) -> Scratch:
    """Return a scratch host below *root* whose files are as before the commit."""
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name

    def file(text: str, mode: int = 0o644) -> FileState:
        return FileState(text.encode(), user, group, mode)

    etc = root / "etc"
    files = (
        FileChange(f"{etc}/changed", file("old\n"), file("new\n", 0o600)),
        FileChange(f"{etc}/dressed", file("same\n"), file("same\n", 0o640)),
        FileChange(f"{etc}/made", None, file("made\n")),
        FileChange(f"{etc}/gone", file("gone\n", 0o400), None),
        FileChange(f"{etc}/folder", None, Directory(user, group, 0o755)),
        FileChange(f"{etc}/folder/inside", None, file("inside\n")),
    )
    layout = Layout(
        state=f"{root}/lib/keepgate/commit",
        run=f"{root}/run",
        units=f"{root}/units",
        search=f"{root}/bin",
    )
    plan = Plan(
        "trial",
        before=before,
        files=files,
        after=after,
        commit=Commit(validate=":", activate=":", revert=f"touch {root}/reverted"),
    )
    texts = Texts(work(plan, nonce=nonce, owner="a@b", timeout=TIMEOUT), layout)
    environment = {"SCRATCH": str(root), "PATH": "/nowhere"}
    return Scratch(root, texts, files, layout, environment)


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """A host whose files are as before the commit."""
    root = tmp_path / "host"
    for folder in ("bin", "real", "etc", "units", "lib"):
        (root / folder).mkdir(mode=0o755, parents=True)
    _install(root, "systemctl", _SYSTEMCTL)
    _install(root, "systemd-run", _SYSTEMD_RUN)
    for name in ("unshare", "sync"):
        _install(root, name, "#!/bin/sh\nexit 0\n")
    for name in (*READING, *CHANGING, *PREPARING, "systemctl"):
        own, program = root / "real" / name, root / "bin" / name
        real = str(own) if own.exists() else str(shutil.which(name))
        if name in READING:
            program.symlink_to(real)
        else:
            count = "" if name in TRACELESS else _COUNT.format(program=real)
            program.write_text(_SHIM.format(name=name, program=real, count=count))
            program.chmod(0o755)
    made = make(root)
    for change in made.files:
        if isinstance(change.before, FileState):
            path = Path(change.path)
            path.write_bytes(change.before.content)
            path.chmod(change.before.mode)
    return made


def _install(root: Path, name: str, text: str) -> None:
    program = root / "real" / name
    program.write_text(text)
    program.chmod(0o755)
