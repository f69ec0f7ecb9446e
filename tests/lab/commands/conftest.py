"""Throwaway hosts for whole commands, run as a user runs them."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from keepgate import lab
from keepgate.inventory import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keepgate.lab import LabHost

OPERATOR = "keeper"
TIMEOUT = 60  # the timer is not what is tested here, and machines are busy
PATIENCE = 240

# What changes by itself, or because somebody logs in and uses sudo, is not ours.
_STATE = r"""
cd /
find /etc /usr /opt /root /home /var/lib -xdev \
  \( -path /var/lib/systemd -o -path '/var/lib/wtmpdb*' -o -path /var/lib/lastlog \
  -o -path /var/lib/sudo -o -name .sudo_as_admin_successful \
  -o -name 'fail2ban.sqlite3*' \) -prune \
  -o -type d -printf '%p %m %U:%G\n' \
  -o -printf '%p %y %m %U:%G %s %T@ %l\n' | sort
find /etc -xdev -type f -exec sha256sum {} + | sort
getent passwd; getent group; cat /etc/shadow
systemctl list-unit-files --no-legend --no-pager | sort
systemctl list-units --all --plain --no-legend --no-pager --type=service,socket,timer \
  | awk '$2 == "loaded" {print $1, $3}' | sort \
  | grep -Ev '^(user|run-|session|systemd-(tmpf|host|time|locale))' \
  | grep -Ev '^(apt-|dpkg-|e2scrub|fstrim|logrotate|man-db)'
command -v nft >/dev/null && nft --stateless --terse list ruleset
ls -A /run/keepgate /var/lib/keepgate 2>/dev/null
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    def host(self, name: str) -> dict[str, Any]:
        """Return one host's part of the document."""
        (found,) = [h for h in self.document["hosts"] if h["host"] == name]
        return dict(found)

    @property
    def only(self) -> dict[str, Any]:
        """The part of the only host."""
        (found,) = self.document["hosts"]
        return dict(found)


def start(*words: str | Path) -> subprocess.Popen[str]:
    """Begin a command; its own session, as that of a user's terminal."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "keepgate", *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(lab.__file__).parents[2])},
        start_new_session=True,
    )


def keepgate(*words: str | Path, seconds: float = PATIENCE) -> Outcome:
    """Run a command to its end, which must come within *seconds*."""
    with start(*words) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()  # else leaving the block would wait for it for ever
            raise
    return Outcome(process.returncode, out, err)


def state_of(host: LabHost) -> list[str]:
    """Return, as lines, what no command may change by looking."""
    return lab.execute(host, _STATE, check=False).splitlines()


def gets_in(host: LabHost, user: str = OPERATOR) -> bool:
    """Whether *user* logs in anew and becomes root."""
    command = [
        "ssh",
        *("-F", "/dev/null", "-i", str(host.key)),
        *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
        *("-o", "ConnectTimeout=3", "-o", "StrictHostKeyChecking=yes"),
        *("-o", f"UserKnownHostsFile={home() / 'lab/known_hosts'}"),
        f"{user}@{host.address4}",
        "sudo -n true",
    ]
    return not subprocess.run(command, check=False, capture_output=True).returncode


def write_inventory(
    path: Path, hosts: Sequence[LabHost], *, drop: bool = True, **defaults: Any
) -> Path:
    """Write an inventory of *hosts* to *path*; *defaults* are laid over ours.

    Caddy is Debian's unless they say otherwise: no host shall ask the Internet.
    """
    key = hosts[0].key
    if "caddy" in defaults:
        defaults["caddy"] = {"package": "debian", **defaults["caddy"]}
    document = {
        "defaults": {
            "key": str(key),
            "known_hosts": str(home() / "lab/known_hosts"),
            "operator": {"name": OPERATOR, "keys": [f"{key}.pub"]},
            "accounts": {"drop": ["debian"] if drop else []},
            "confirm": {"timeout": TIMEOUT},
            **defaults,
        },
        "hosts": {
            host.name: {"address": host.address4, "login": host.login} for host in hosts
        },
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


@contextmanager
def booted(
    *, prefix: str, count: int = 1, release: str = "trixie", variant: str = "cloud"
) -> Iterator[list[LabHost]]:
    """Boot fresh hosts for as long as the block lasts."""
    mark = secrets.token_hex(3)
    names = [f"{prefix}-{mark}-{number}" for number in range(count)]
    hosts = lab.up(names, release=release, variant=variant)
    try:
        yield hosts
    finally:
        lab.down(names)
