"""A host with a running agent, put there by hand, and the commands of an operator."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from deploys.agent import places
from keepgate import lab
from keepgate.inventory.home import PROJECT, home
from tests.lab.commands.conftest import Outcome, keepgate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost

NAME = "agent-remote"
BARE = "agent-none"
_PLATFORM = "x86_64-manylinux_2_28"
_CONFIG = """\
[login]
host = "auth.example.com"
[[sites]]
host = "app.example.com"
"""
_UNIT = f"""\
[Service]
Type=notify
User={places.USER}
ExecStart={places.COMMAND} serve
RuntimeDirectory=auth-agent
RuntimeDirectoryMode=0750
StateDirectory=auth-agent
StateDirectoryMode=0700
"""
_COMMAND = f"""\
#!/bin/sh
PYTHONPATH={places.CURRENT} exec python3 -P -m auth_agent "$@"
"""
_INSTALL = f"""\
set -eu
useradd --system --home-dir {places.STATE} --shell /usr/sbin/nologin {places.USER}
install -d {places.ETC}
printf '%s' '{_CONFIG}' >{places.CONFIG}
printf '%s' '{_UNIT}' >{places.UNIT_FILE}
printf '%s' '{_COMMAND}' >{places.COMMAND}
chmod 0755 {places.COMMAND}
{places.COMMAND} init
chown {places.USER} {places.SECRET}
systemctl daemon-reload
systemctl start {places.UNIT}
"""


@dataclass(frozen=True)
class Shown:
    """How a command ended whose output was a terminal."""

    code: int
    screen: str


@dataclass(frozen=True)
class Remote:
    """A host with an agent, another without one, and an inventory of both."""

    host: LabHost
    inventory: Path

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check)

    def agent(self, verb: str, *words: str, limit: str = NAME) -> Outcome:
        """Run `keepgate agent VERB INVENTORY WORDS…` on the host."""
        return keepgate("agent", *self._words(verb, words, limit))

    def terminal(self, verb: str, *words: str) -> Shown:
        """As `agent`, with a terminal as standard output and error."""
        given = map(str, self._words(verb, words, NAME))
        return on_terminal([sys.executable, "-P", "-m", "keepgate", "agent", *given])

    def _words(
        self, verb: str, words: tuple[str, ...], limit: str
    ) -> tuple[str | Path, ...]:
        return (*verb.split(), self.inventory, *words, "--limit", limit)

    @property
    def pin(self) -> Path:
        """Where the end of the host's log is remembered."""
        return home() / "state/hosts" / NAME / "agent-audit.json"


def on_terminal(words: list[str]) -> Shown:
    """Run *words* with a terminal as standard output; return what stood on it."""
    ours, theirs = pty.openpty()
    environment = {"PYTHONPATH": str(PROJECT), "TERM": "dumb", "COLUMNS": "200"}
    screen = b""
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        late = time.monotonic() + 120
        while select.select([ours], [], [], max(0.0, late - time.monotonic()))[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:  # EIO: nobody has the other end open any more
                break
            screen += data
        else:
            process.kill()
    os.close(ours)
    return Shown(process.returncode, screen.decode())


def install(host: LabHost) -> None:
    """Put the agent of this checkout on *host*, with what it needs there."""
    ask = "python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'"
    python = lab.execute(host, ask).strip()
    uv = str(PROJECT / ".keepgate/tools/bin/uv")
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder) / "requirements.txt"
        archive = Path(folder) / "agent.tar"
        for command in (
            (
                *(uv, "export", "--frozen", "--no-dev", "--package", "auth-agent"),
                *("-q", "--no-emit-project", "-o", locked),
            ),
            (
                *(uv, "pip", "install", "-q", "--target", f"{folder}/current"),
                *("--python-version", python, "--python-platform", _PLATFORM),
                *("--only-binary", ":all:", "--require-hashes", "-r", locked),
            ),
            (
                *("tar", "-cf", archive, "--exclude=__pycache__", "-C", folder),
                *("--transform=s,^auth_agent,current/auth_agent,", "current"),
                *("-C", PROJECT / "auth_agent/src", "auth_agent"),
            ),
        ):
            subprocess.run(command, cwd=PROJECT, check=True)
        lab.execute(host, f"install -d {places.OPT}")
        with archive.open("rb") as file:
            subprocess.run(
                [
                    *("ssh", "-F", "/dev/null", "-i", str(host.key)),
                    *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
                    *("-o", f"UserKnownHostsFile={home() / 'lab/known_hosts'}"),
                    f"{host.login}@{host.address4}",
                    f"sudo tar -x --no-same-owner -C {places.OPT}",
                ],
                stdin=file,
                check=True,
            )
    lab.execute(host, _INSTALL)


def write_inventory(path: Path, hosts: list[LabHost]) -> Path:
    """Write an inventory of *hosts* to *path*."""
    key = hosts[0].key
    document = {
        "defaults": {
            "key": str(key),
            "known_hosts": str(home() / "lab/known_hosts"),
            "operator": {"name": "keeper", "keys": [f"{key}.pub"]},
        },
        "hosts": {
            host.name: {"address": host.address4, "login": host.login} for host in hosts
        },
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A host with a running agent, and one without."""
    hosts = lab.up([NAME, BARE])
    try:
        install(hosts[0])
        file = tmp_path_factory.mktemp("agent") / "hosts.yml"
        yield Remote(hosts[0], write_inventory(file, hosts))
    finally:
        lab.down([NAME, BARE])


@pytest.fixture
def remote(guarded: Remote) -> Iterator[Remote]:
    """The host, its agent running, nothing remembered of its log."""
    guarded.sh(f"systemctl start {places.UNIT}")
    guarded.pin.unlink(missing_ok=True)
    yield guarded
    guarded.pin.unlink(missing_ok=True)
