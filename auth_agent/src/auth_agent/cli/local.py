"""The agent for one's own machine: a folder with a secret, a configuration, state."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from auth_agent.config.check import load
from auth_agent.config.secrets import SECRET_BYTES
from auth_agent.errors import ConfigError
from auth_agent.owning import become_owner

PORT = 8080

_CONFIG = """\
# Made by `auth-agent serve --local`: plain HTTP, on this machine only.
[login]
host = "localhost"

[server]
insecure_loopback = true
listen = "127.0.0.1:{port}"
control = "{folder}/run/control.sock"
metrics = "{folder}/run/metrics.sock"
state = "{folder}/state"
audit = "{folder}/state/audit"
secret_file = "{folder}/secret"
"""


def make_secret(path: Path) -> bool:
    """Write a new secret (0600) unless there is one; return whether it was made."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        return False
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - of a descriptor
        file.write(secrets.token_bytes(SECRET_BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def prepare(folder: Path, port: int | None = None) -> Path:
    """Have everything in *folder* that a local agent needs; return its file.

    Raises:
        ConfigError: the folder cannot be used, or its file names another port.
    """
    folder = folder.absolute()
    become_owner(folder)  # `sudo` in somebody's home: it is theirs, not root's
    config = folder / "auth-agent.toml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "run").mkdir(mode=0o700, exist_ok=True)
        make_secret(folder / "secret")
        if not config.exists():
            config.write_text(_CONFIG.format(folder=folder, port=port or PORT))
    except OSError as error:
        message = f"{folder} cannot be used: {error.strerror}"
        raise ConfigError(message, fix="name a folder of your own") from error
    listen = load(config).server.listen
    if port is not None and not listen.endswith(f":{port}"):
        message = f"{config} says {listen}"
        raise ConfigError(message, fix="change it there, or leave --port out")
    return config
