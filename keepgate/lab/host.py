"""What is remembered of one throwaway host."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keepgate.lab.site import Site

_LOOKS = 10  # a millisecond apart: a process that has ended costs that much


@dataclass(frozen=True)
class LabHost:
    """A throwaway host: where it answers and who gets in.

    *login* is the account that the stock image admits; *pid* is that of the
    program that holds the host (nspawn or QEMU), 0 while it is stopped.
    """

    name: str
    suffix: int
    address4: str
    address6: str
    release: str
    backend: str
    variant: str
    login: str
    key: Path
    folder: Path
    pid: int = 0
    port: int = 22

    @property
    def running(self) -> bool:
        """Whether the program that holds the host is alive."""
        if not self.pid:
            return False
        return f"{self.folder}/".encode() in _words(self.pid)

    @property
    def machine(self) -> str:
        """A short name that no other host on this machine has, of any lab."""
        number, suffix = self.address4.split(".")[2:]
        return f"kg{number}-{suffix}"

    @property
    def root(self) -> Path:
        """Where its root file system is mounted (QEMU: only while it is made)."""
        return self.folder / "root"

    @property
    def console(self) -> Path:
        """What the host wrote to its console."""
        return self.folder / "console.log"


def save(site: Site, host: LabHost) -> None:
    """Write what is known of *host*, replacing what was."""
    path = _path(site, host.name)
    text = json.dumps({key: _plain(value) for key, value in asdict(host).items()})
    staged = path.with_suffix(f".{os.getpid()}.new")
    staged.write_text(text + "\n")
    staged.rename(path)


def load(site: Site) -> dict[str, LabHost]:
    """Return every host of the lab by name; files that are none are passed over."""
    hosts = {}
    for path in sorted((site.folder / "hosts").glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            data = json.loads(path.read_text())
            data["key"], data["folder"] = Path(data["key"]), Path(data["folder"])
            hosts[data["name"]] = LabHost(**data)
    return hosts


def forget(site: Site, name: str) -> None:
    """Remove the file of host *name*."""
    _path(site, name).unlink(missing_ok=True)


def _path(site: Site, name: str) -> Path:
    return site.folder / "hosts" / f"{name}.json"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _words(pid: int) -> bytes:
    """Return a process's command line, empty once it has ended.

    There is none for a moment while it becomes another program (execve(2)).
    """
    for _ in range(_LOOKS):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            break
        if words:
            return words
        time.sleep(0.001)
    return b""
