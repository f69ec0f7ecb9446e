"""What the controller remembers of the last whole `apply` of a host."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyinfra.api.host import Host

    from deploys.edge import Target

NAME = "last-apply.json"


def digest(target: Target) -> str:
    """Return the SHA-256 of the host's resolved settings."""
    return hashlib.sha256(target.settings.model_dump_json().encode()).hexdigest()


def write(target: Target, host: Host) -> None:
    """Remember that *target* is now as its settings say (0600)."""
    target.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": digest(target),
        "login": str(host.data.ssh_user),
        "keepgate": version("keepgate"),
        "pyinfra": version("pyinfra"),
    }
    staged = target.state / f"{NAME}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(staged, flags, 0o600), "w") as file:
        json.dump(told, file, indent=2)
    staged.replace(target.state / NAME)


def read(target: Target) -> dict[str, Any] | None:
    """Return what was remembered, and whether the settings changed since."""
    with suppress(OSError, ValueError):
        told: dict[str, Any] = json.loads((target.state / NAME).read_text())
        told["settings_changed"] = told.get("settings") != digest(target)
        return told
    return None
