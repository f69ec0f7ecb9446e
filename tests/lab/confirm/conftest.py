"""Hosts for commits that go wrong: clones of one hardened host, short timers."""

from __future__ import annotations

import fcntl
import hashlib
import json
import secrets
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keepgate import lab
from keepgate.inventory import home
from keepgate.inventory.home import PROJECT
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keepgate.lab import LabHost

OPERATOR = "keeper"
TIMEOUT = 60
"""Seconds before the host undoes a commit, where a test does not wait for that."""

SOON = 15
"""The same where a test waits for it."""

BASE = "con-base"
TRIAL = "/etc/ssh/sshd_config.d/01-trial.conf"
CHECK_SSHD = "mkdir -p /run/sshd; sshd -t"
RELOAD = "systemctl reload ssh"
_WORKER = Path(__file__).with_name("worker.py")
_LEFTOVERS = (
    "find /etc /root /home /usr /opt /var/lib -xdev -name '.keepgate-*'"
    " -o -xdev -name 'keepgate-rollback-*';"
    " find /var/lib/keepgate/commit -mindepth 1 -maxdepth 1"
    " -name armed -o -name rolling -o -name preparing 2>/dev/null;"
    " systemctl list-units --all --plain --no-legend 'keepgate-rollback*'"
    " 'keepgate-switch*'"
)


@dataclass
class Controller:
    """A worker process that carries out one commit."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def until(self, word: str) -> str:
        """Read on until a line begins with *word*; return what follows it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if line.startswith(f"{word}"):
                return line[len(word) :].strip()
        return pytest.fail(f"no `{word}` but {self.said}")

    def go_on(self) -> None:
        """Let a worker that holds go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Return how the commit ended for the controller."""
        told: dict[str, Any] = json.loads(self.until("end"))
        self.process.wait(timeout=20)
        return told

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(timeout=20)

    def wait(self, seconds: float = 60) -> int:
        """Return the exit status; the worker was told to die by itself."""
        return self.process.wait(timeout=seconds)

    def close(self) -> None:
        """End the worker if it runs, and close its pipes."""
        if self.process.poll() is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass
class Trial:
    """One host and what a test does with it; *slow* if its processor is emulated."""

    host: LabHost
    folder: Path
    operator: str = OPERATOR
    slow: bool = False
    controllers: list[Controller] = field(default_factory=list)

    def sh(self, script: str, *, check: bool = True, seconds: float = 0) -> str:
        """Run *script* as root inside the host, without SSH."""
        return lab.execute(self.host, script, check=check, timeout=seconds)

    def install(self, package: str) -> None:
        """Install a Debian package, however busy this machine is."""
        text = f"apt-get -qq update && apt-get -qq -y install {package} >/dev/null"
        self.sh(text, seconds=600)

    def read(self, path: str) -> str | None:
        """Return a file's text, None when it is absent."""
        text = self.sh(f"[ ! -e {path} ] || {{ echo +; cat {path}; }}")
        return text.removeprefix("+\n") if text else None

    def gets_in(self, user: str = "", then: str = "sudo -n true") -> bool:
        """Whether *user* (the operator) logs in anew, and what comes *then* works."""
        command = [
            "ssh",
            *("-F", "/dev/null", "-i", str(self.host.key)),
            *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
            *("-o", f"ConnectTimeout={30 if self.slow else 3}"),
            *("-o", "StrictHostKeyChecking=yes"),
            *("-o", f"UserKnownHostsFile={home() / 'lab/known_hosts'}"),
            f"{user or self.operator}@{self.host.address4}",
            then,
        ]
        return not subprocess.run(command, check=False, capture_output=True).returncode

    def start(self, **spec: Any) -> Controller:
        """Begin a commit; the defaults add a harmless sshd drop-in."""
        confirm = {"timeout": spec.pop("timeout", TIMEOUT)}
        settings = {"confirm": confirm, **spec.pop("settings", {})}
        spec = {
            "target": self.target(**settings),
            "files": [{"path": TRIAL, "content": "LogLevel VERBOSE\n"}],
            "validate": CHECK_SSHD,
            "activate": RELOAD,
            "revert": RELOAD,
            **spec,
        }
        path = self.folder / f"spec-{len(self.controllers)}.json"
        path.write_text(json.dumps(spec))
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gevent.monkey", str(_WORKER), str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        controller = Controller(process)
        self.controllers.append(controller)
        return controller

    def commit(self, **spec: Any) -> dict[str, Any]:
        """Carry a commit out and return how it ended."""
        return self.start(**spec).end()

    def eventually(
        self, condition: Callable[[], object], what: str, *, seconds: float = 60
    ) -> None:
        """Return once *condition* holds; fail with *what* after *seconds*."""
        eventually(condition, what, seconds=seconds)

    def settled(self) -> bool:
        """Whether nothing is armed and nothing of a commit is left."""
        return not self.sh(_LEFTOVERS, check=False).strip()

    def assert_safe(self, *, trial: str | None) -> None:
        """Fail unless the operator gets in, nothing is left, the file is *trial*."""
        limit = 4 * TIMEOUT if self.slow else TIMEOUT
        eventually(self.settled, "nothing armed, no leftovers", seconds=limit)
        eventually(self.gets_in, "the operator gets in", seconds=limit / 2)
        assert trial == self.read(TRIAL)

    def outcome(self) -> str:
        """Return what the host says became of the last commit, with its report."""
        return self.sh(
            "cd /var/lib/keepgate/commit; ls; cat rolled_back/report", check=False
        )

    def reboot(self) -> None:
        """Cut the power and boot again."""
        lab.stop(self.host, clean=False)
        self.host = lab.start(self.host)

    def close(self) -> None:
        """End every controller."""
        for controller in self.controllers:
            controller.close()

    @property
    def public_key(self) -> str:
        """The key that the operator is admitted with."""
        return self.host.key.with_name(f"{self.host.key.name}.pub").read_text().strip()

    def target(self, **settings: Any) -> dict[str, Any]:
        """Return the description of the host as an inventory would give it."""
        return {
            "name": self.host.name,
            "address": self.host.address4,
            "port": self.host.port,
            "login": self.host.login,
            "key": str(self.host.key),
            "known_hosts": str(home() / "lab/known_hosts"),
            "state": str(self.folder / "state"),
            "settings": {
                "operator": {"name": OPERATOR, "keys": [self.public_key]},
                "accounts": {"drop": ["debian"]},
                **settings,
            },
        }


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold a lock that all workers of this test run share."""
    folder = home() / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def booted(folder: Path, **options: Any) -> Iterator[Trial]:
    """Lend a host of one's own, booted with the *options* of `lab.up`."""
    name = f"con-{secrets.token_hex(3)}"
    (host,) = lab.up([name], **options)
    made = Trial(host, folder)
    try:
        yield made
    finally:
        made.close()
        lab.down([name])


@pytest.fixture(scope="session")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> LabHost:
    """A stopped host with accounts and ssh committed; clones begin as it stands."""
    # Named after the code, so that an edit meanwhile takes no base from a worker.
    base = f"{BASE}-{_code()[:8]}"
    with _alone(BASE):
        for host in lab.listing():
            if host.name == base:
                if not host.running and (host.folder / "hardened").exists():
                    return host
                lab.down([base])
        (host,) = lab.up([base])
        folder = tmp_path_factory.mktemp("base")
        trial = Trial(host, folder)
        trial.install("nftables")
        told = trial.commit(topics=["accounts", "ssh"])
        trial.close()
        if told["status"] != "confirmed":
            lab.down([base])
            log = (folder / "worker.log").read_text()
            pytest.fail(f"the base was not hardened: {told}\n{log}")
        stopped = lab.stop(host)
        (host.folder / "hardened").touch()
        return stopped


def _code() -> str:
    """Return a digest of all that hardens a host."""
    rooms = (PROJECT / "deploys", PROJECT / "templates")
    paths = sorted(
        path for room in rooms for path in room.rglob("*") if path.suffix != ".pyc"
    )
    texts = (path.read_bytes() for path in paths if path.is_file())
    return hashlib.sha256(b"".join(texts)).hexdigest()


@pytest.fixture
def trial(
    hardened: LabHost, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Trial]:
    """A running clone of the hardened host, taken down afterwards.

    Its parameter, if any, is the size of its disk.
    """
    disk = getattr(request, "param", "")
    with booted(tmp_path, source=hardened.name, disk=disk) as made:
        yield made
