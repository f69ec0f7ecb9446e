"""How the host is reached: what ssh itself makes of the given configuration."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Link:
    """Address, port, account, keys and pinned host keys of one connection."""

    address: str
    port: int
    user: str
    keys: tuple[Path, ...]
    known_hosts: tuple[Path, ...]
    agent: bool


def resolve(name: str, ssh_config: str | None) -> Link:
    """Return how ssh would connect to *name*.

    Raises:
        subprocess.CalledProcessError: ssh refuses the configuration.
    """
    chosen = ["-F", ssh_config] if ssh_config else []
    answer = subprocess.run(
        ["ssh", *chosen, "-G", "--", name], capture_output=True, text=True, check=True
    )
    values: dict[str, list[str]] = {}
    for line in answer.stdout.splitlines():
        key, _, value = line.partition(" ")
        values.setdefault(key, []).append(value)
    known = " ".join(values.get("userknownhostsfile", [])).split()
    return Link(
        address=values["hostname"][0],
        port=int(values["port"][0]),
        user=values["user"][0],
        keys=_existing(values.get("identityfile", [])),
        known_hosts=_existing(known),
        agent="yes" not in values.get("identitiesonly", []),
    )


def _existing(names: list[str]) -> tuple[Path, ...]:
    paths = (Path(name).expanduser() for name in names)
    return tuple(path for path in paths if path.is_file())
