"""Root's commands on a stopped agent do nothing that the agent could not do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.agent.web.browser import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become somebody else"
)

NOBODY = 65_534

# The interpreter may lie where only root reads: all that is needed is read first.
_COMMAND = """
import sys
from auth_agent.cli.main import main
main(["status", "--config", sys.argv[1]])
sys.exit(main(sys.argv[2:]))
"""

_PREPARE = """
import encodings.ascii, pathlib, sys
from auth_agent.cli.local import prepare
from auth_agent.cli.main import main
main(["status", "--config", sys.argv[1]])
prepare(pathlib.Path(sys.argv[2]))
"""


@dataclass
class Host:
    """Root's folder with configuration and secret; in it one of the agent's."""

    root: Path

    @classmethod
    def make(cls) -> Host:
        """Return a host whose agent was never started."""
        host = cls(Path(tempfile.mkdtemp(prefix="owning-")))
        host.root.chmod(0o755)
        (host.root / "treasure").mkdir(mode=0o700)
        for name in ("home", "warm"):
            (host.root / name).mkdir(mode=0o700)
            secret = host.root / f"{name}.secret"
            secret.write_text("ab" * 32)
            secret.chmod(0o600)
            text = CONFIG.format(folder=host.root / name)
            text = text.replace(f"{name}/secret", f"{name}.secret")
            (host.root / f"{name}.toml").write_text(text)
        os.chown(host.home, NOBODY, NOBODY)
        return host

    @property
    def home(self) -> Path:
        """The agent's own folder."""
        return self.root / "home"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as root."""
        return self.python(_COMMAND, *words, "--config", str(self.root / "home.toml"))

    def python(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run *script* as root."""
        warm = str(self.root / "warm.toml")
        return subprocess.run(
            [sys.executable, "-c", script, warm, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def made(self) -> list[Path]:
        """Return everything in the agent's folder."""
        return [self.home, *self.home.rglob("*")]


@pytest.fixture
def host() -> Iterator[Host]:
    """Return a host whose agent was never started."""
    made = Host.make()
    yield made
    shutil.rmtree(made.root)


def treasure(path: Path) -> bytes:
    """Make *path* a database that is root's alone; return what it holds."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE payroll (text)")
    connection.execute("INSERT INTO payroll VALUES ('root alone may read this')")
    connection.commit()
    connection.close()
    path.chmod(0o600)
    return path.read_bytes()


def test_what_root_makes_is_the_agents(host: Host) -> None:
    """Commands on a stopped agent, a restore too, leave it able to start."""
    backup = str(host.home / "backup.db")

    for words in (("users", "list"), ("backup", backup), ("restore", backup)):
        done = host.run(*words)
        assert done.returncode == 0, done.stderr

    owners = {path.name: path.lstat().st_uid for path in host.made()}
    assert {"agent.db", "backup.db", "lock", "000001.jsonl"} <= set(owners)
    assert {NOBODY} == set(owners.values())


@pytest.mark.parametrize(
    "place", ["state/agent.db", "state/audit/000001.jsonl", "state/lock"]
)
def test_root_follows_no_link_of_the_agents(host: Host, place: str) -> None:
    """Not to a file of root's: it is neither changed nor given away."""
    valued = host.root / "treasure/payroll.db"
    before = treasure(valued)
    link = host.home / place
    link.parent.mkdir(mode=0o700, parents=True)
    link.symlink_to(valued)
    for path in host.made():
        os.lchown(path, NOBODY, NOBODY)

    done = host.run("users", "list")

    assert done.returncode in {1, 2}, done.stderr
    assert "auth-agent: " in done.stderr
    assert "Traceback" not in done.stderr
    assert (before, 0) == (valued.read_bytes(), valued.stat().st_uid)
    assert ["payroll.db"] == [path.name for path in valued.parent.iterdir()]


def test_a_folder_in_somebodys_home_is_theirs(host: Host) -> None:
    """`serve --local` under `sudo` makes nothing there that is root's."""
    done = host.python(_PREPARE, str(host.home / "try"))

    assert 0 == done.returncode, done.stderr
    assert {"try", "run", "secret", "auth-agent.toml"} < {p.name for p in host.made()}
    assert {NOBODY} == {path.lstat().st_uid for path in host.made()}


def test_the_whole_folder_may_be_a_link(host: Host) -> None:
    """Whoever owns the folder above could have it lead to one of root's."""
    (host.home / "state").symlink_to(host.root / "treasure")

    done = host.run("users", "list")

    assert done.returncode == 2, done.stderr
    assert [] == list((host.root / "treasure").iterdir())


def test_a_backup_is_read_with_the_agents_rights(host: Host) -> None:
    """A link to what root alone may read does not bring it into the agent's folder."""
    valued = host.root / "treasure/payroll.db"
    treasure(valued)
    assert host.run("users", "list").returncode == 0
    (host.home / "backup.db").symlink_to(valued)

    done = host.run("restore", str(host.home / "backup.db"))

    assert done.returncode == 2
    assert "the owner of" in done.stderr
    files = [one for one in host.made() if one.is_file() and not one.is_symlink()]
    assert files
    assert not any(b"root alone" in path.read_bytes() for path in files)
