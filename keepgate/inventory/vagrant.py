"""Where a running Vagrant machine is reached, asked of `vagrant ssh-config`.

It is what pyinfra's own `@vagrant` inventory asks too; here the answer is laid below
the defaults of the inventory, so that settings reach the machine as well.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from keepgate.inventory.document import Entry, Mapping, Scalar
from keepgate.inventory.home import PROJECT

if TYPE_CHECKING:
    from keepgate.inventory.problems import Position

_TIMEOUT: Final = 120
"""Seconds for one `vagrant ssh-config`; Vagrant needs several to start."""

_KEYS: Final = {
    "HostName": "address",
    "Port": "port",
    "User": "login",
    "IdentityFile": "key",
}


class VagrantError(Exception):
    """Vagrant is not there, or the machine does not run."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def layer(machine: str, at: Position) -> Mapping:
    """Return how *machine* of the project's Vagrantfile is reached.

    *at* is the place that errors about it shall point to.

    Raises:
        VagrantError: there is no Vagrant, no such machine, or it does not run.
    """
    told = parse(_ask(machine))
    entries: dict[str, Entry] = {}
    for keyword, key in _KEYS.items():
        if keyword in told:
            text = told[keyword]
            number = key == "port" and text.isdecimal() and len(text) <= len("65535")
            path = f"hosts.{machine}.{key}"
            value = Scalar(int(text) if number else text, at, path)
            entries[key] = Entry(at, value)
    return Mapping(entries, at, f"hosts.{machine}")


def parse(text: str) -> dict[str, str]:
    """Return the keywords of the first `Host` block in *text*, quotes removed.

    The first value of a keyword wins, as in ssh_config(5).
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword == "Host" and found:
            break
        if keyword and not keyword.startswith("#"):
            found.setdefault(keyword, value.strip().strip('"'))
    return found


def _ask(machine: str) -> str:
    vagrant = shutil.which("vagrant")
    if vagrant is None:
        what = "Vagrant is not installed"
        raise VagrantError(what, "install it, or use the lab: `make demo` needs none")
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the name is checked
            [vagrant, "ssh-config", machine],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        what = f"`vagrant ssh-config` did not answer: {error}"
        raise VagrantError(what, "look at `vagrant status`") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        what = f"Vagrant says: {' '.join(lines)[:200] or 'nothing'}"
        raise VagrantError(what, f"`vagrant up {machine}`")
    return done.stdout
