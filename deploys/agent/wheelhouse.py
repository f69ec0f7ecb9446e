"""What a host without a way out is handed: wheels for its Python and machine."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

# Python's own waits for ever where gevent has taken its system calls over.
from gevent import subprocess

from deploys.agent.wheel import REQUIREMENTS, Wheel
from deploys.common.errors import KeepgateError

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE: Final = 600
"""Seconds that fetching may take."""

_OLDEST: Final = 17  # manylinux2014 is glibc 2.17 (PEP 599)


@dataclass(frozen=True)
class Machine:
    """What wheels must fit: Python, processor, minor version of glibc 2."""

    python: tuple[int, int]
    processor: str
    glibc: int

    @property
    def platforms(self) -> tuple[str, ...]:
        """Tags of wheels that run there, the newest first (PEP 600)."""
        newest = range(self.glibc, _OLDEST - 1, -1)
        return (
            *(f"manylinux_2_{minor}_{self.processor}" for minor in newest),
            f"manylinux2014_{self.processor}",
        )


class Unfetched(KeepgateError):
    """The dependencies cannot be had here; nothing was changed."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the agent's dependencies cannot be fetched: {why}",
            "see that this machine reaches PyPI, or that pip is configured for a "
            "mirror",
        )


def fetch(machine: Machine) -> dict[str, bytes]:
    """Return every dependency's wheel for *machine*, by name; its hash is checked.

    The index is the one that pip on this machine is configured for.

    Raises:
        Unfetched: one of them cannot be had.
    """
    major, minor = machine.python
    with TemporaryDirectory(prefix="keepgate-wheels-") as folder:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
            *("--disable-pip-version-check", "--no-deps", "--only-binary=:all:"),
            *("--require-hashes", "--requirement", str(REQUIREMENTS)),
            *("--python-version", f"{major}.{minor}", "--implementation", "cp"),
            *("--abi", f"cp{major}{minor}", "--abi", "abi3", "--abi", "none"),
            *(f"--platform={platform}" for platform in machine.platforms),
            *("--dest", folder),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired as error:
            why = f"pip did not end within {PATIENCE} s"
            raise Unfetched(why) from error
        if done.returncode != 0:
            raise Unfetched(" ".join(done.stderr.split())[-300:])
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def unpacking(files: Mapping[str, bytes]) -> str:
    """Return POSIX sh that writes *files* into the folder `$pushed`."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    text = base64.encodebytes(whole.getvalue()).decode()
    return f"base64 -d <<'KEEPGATE_TAR' | tar -x -C \"$pushed\"\n{text}KEEPGATE_TAR\n"


def shipped(wheel: Wheel, dependencies: Mapping[str, bytes]) -> str:
    """Return POSIX sh that puts *wheel*, its lock and *dependencies* on the host.

    The lock names the wheel, too, as a file beside it.
    """
    own = f"./{wheel.name} --hash=sha256:{hashlib.sha256(wheel.data).hexdigest()}\n"
    requirements = {"requirements.txt": REQUIREMENTS.read_bytes() + own.encode()}
    return unpacking({**dependencies, wheel.name: wheel.data, **requirements})
