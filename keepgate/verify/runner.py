"""Runs pytest on tests/hosts for one host and reads what it found."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from deploys.common.errors import KeepgateError
from keepgate.inventory.home import PROJECT
from keepgate.report.model import TOPICS, Snapshot
from keepgate.report.text import plain
from keepgate.verify.addresses import addresses, attacker

if TYPE_CHECKING:
    from pathlib import Path

    from deploys.edge import Target
    from keepgate.verify.connection import Connection

CHECKS: Final = PROJECT / "tests" / "hosts"
LIMIT: Final = 600.0
"""Seconds after which a host's checks are given up; an emulated host is slow."""

MEMORY: Final = 1 << 30
"""Bytes that the checks of a host may use, however much it has to say."""

LONGEST: Final = 4000
"""Characters that are kept of one thing that was seen."""

_RAN: Final = {0, 1}  # pytest's exit statuses for "all passed" and "some failed"


@dataclass(frozen=True)
class Scope:
    """Which checks are run: of these *topics*, or of all; the *slow* ones, too."""

    topics: tuple[str, ...] = ()
    slow: bool = False


USUAL: Final = Scope()
"""Every check that does not take long."""


def run(target: Target, opened: Connection, scope: Scope = USUAL) -> Snapshot:
    """Return what the checks in *scope* found on *target*, through the connection.

    Raises:
        KeepgateError: the checks themselves could not be run.
    """
    results = opened.folder / "results.json"
    settings = opened.folder / "settings.json"
    settings.write_text(json.dumps(expectations(target)), encoding="utf-8")
    done = pytest(
        [
            f"--hosts=ssh://{opened.name}",
            f"--ssh-config={opened.config}",
            f"--keepgate-settings={settings}",
            f"--keepgate-results={results}",
            f"--keepgate-topics={','.join(scope.topics)}",
            *(["--keepgate-slow"] if scope.slow else []),
        ]
    )
    if done.returncode not in _RAN or not results.is_file():
        lines = (done.stdout + done.stderr).strip().splitlines()
        message = f"the checks could not be run: {' / '.join(lines[-3:])[:400]}"
        raise KeepgateError(
            message, "run pytest tests/hosts by hand, see docs/verify.md"
        )
    return snapshot(results, opened)


def pytest(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run pytest on the checks in a process of its own, without foreign plugins."""
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"
    }
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [
        *(sys.executable, "-m", "pytest", str(CHECKS), "-p", "testinfra.plugin"),
        *("-p", "no:cacheprovider", f"--rootdir={PROJECT}", "-c"),
        *(str(PROJECT / "pyproject.toml"), "-q", "--tb=no", *arguments),
    ]
    with subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _bound(process.pid)
            out, errors = process.communicate(timeout=LIMIT)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


def _bound(pid: int) -> None:
    """Let process *pid* have `MEMORY` at most; where we may not say, it has its own."""
    if sys.platform == "linux":
        with suppress(OSError, ValueError):  # it has ended, or less is allowed anyway
            resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY, MEMORY))


def expectations(target: Target) -> dict[str, Any]:
    """Return what the checks are told of *target*; they know no other source."""
    return {
        "settings": target.settings.model_dump(mode="json"),
        "addresses": addresses(target),
        "lab": attacker(target),
    }


def snapshot(results: Path, opened: Connection) -> Snapshot:
    """Return the findings in file *results*, made safe to show."""
    found = _plain(json.loads(results.read_text(encoding="utf-8")))
    order = list(TOPICS)
    findings = sorted(
        found["findings"],
        key=lambda finding: (order.index(finding["topic"]), finding["id"]),
    )
    document = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "login": opened.user,
        "facts": found["facts"],
        "seconds": found["seconds"],
        "timings": {"connect": opened.seconds, **found["timings"]},
        "findings": findings,
        "waivers": found["waivers"],
    }
    return Snapshot.model_validate_json(json.dumps(document), strict=True)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return *value* with every text in it made safe to show, and cut to length."""
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST else f"{value[:LONGEST]} … (cut off)"
        return plain(cut)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value
