"""One shared SSH connection per host, strict about its key, for all checks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploys.common.errors import KeepgateError, Unreachable
from keepgate.inventory import hints, logins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.edge import Target

TIMEOUT: Final = 10
"""Seconds for a connection to be made."""

PATIENCE: Final = 25.0
"""Seconds for which a server that drops us before a login is tried again: sshd's
penalties for an earlier scan of ours end within them."""

_DROPPED: Final = re.compile(
    r"Connection (closed|reset) by|kex_exchange_identification|Broken pipe"
    r"|not allowed at this time",
    re.IGNORECASE,
)


_MASTER: Final = ("-M", "-N", "-f")
"""Open the shared connection, and stay in the background (ssh(1))."""

_RULES: Final = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host key of {where} has CHANGED: another machine, or somebody is between",
        "find out why; if reinstalled: {replace}",
    ),
    (
        "Host key verification failed|host key is known",
        "the host key of {where} is not known",
        "{trust}",
    ),
    (
        "Permission denied",
        "{where} admits neither {operator} nor {login} with {key}",
        "check `login`, `key` and `operator.keys` in the inventory",
    ),
    (
        r"no matching [^\n]*",
        "{where} and ssh here have no algorithm in common: {match}",
        "update OpenSSH here, or name fewer algorithms under `ssh` in the inventory",
    ),
    (
        "Could not resolve hostname",
        "{address} does not resolve",
        "check `address`, and the name service",
    ),
    (
        "Connection refused",
        "{where} refuses the connection",
        "check `address` and `port`, and that ssh runs on the host",
    ),
    (
        "timed out",
        "{where} does not answer",
        "check `address`, the network and its firewalls",
    ),
    (
        "No route to host|Network is unreachable",
        "{where} cannot be reached",
        "check `address`, and that the host is up",
    ),
    (
        r"[^\n]*\Z",  # whatever it said last; this matches always
        "{where}: {match}",
        "check `address`, `port` and the network",
    ),
)
"""What ssh says, in the words that `plan` and `apply` have for it, and the remedy."""


@dataclass(frozen=True)
class Connection:
    """An open connection: the name and the ssh configuration that reach it.

    *seconds* is how long it took to be made.
    """

    name: str
    user: str
    config: Path
    folder: Path
    seconds: float = 0.0


@contextmanager
def connect(target: Target) -> Iterator[Connection]:
    """Open the shared connection as the operator, or as the fresh host's login.

    Raises:
        Unreachable: nobody was let in, or the host key is not the known one.
        KeepgateError: the account that got in cannot become root.
    """
    # /tmp by name: a socket's path may not exceed 107 bytes (unix(7)).
    with tempfile.TemporaryDirectory(prefix="keepgate-", dir="/tmp") as name:
        folder = Path(name)
        started = time.monotonic()
        opened = _open(target, folder)
        try:
            _become_root(opened)
            yield replace(opened, seconds=round(time.monotonic() - started, 2))
        finally:
            _ssh(opened, "-O", "exit")


def _open(target: Target, folder: Path) -> Connection:
    problem, powerless = "", ""
    for user in logins(target):
        opened, problem = _try(target, user, folder)
        if problem and "Permission denied" not in problem:
            raise _explained(target, problem)
        if not problem:
            if user == target.settings.operator.name or not _powerless(opened):
                return opened
            powerless = user
            _ssh(opened, "-O", "exit")
    if powerless:
        opened, problem = _try(target, powerless, folder)
        if not problem:
            return opened  # why it is no use is told next
    raise _explained(target, problem)


def _try(target: Target, user: str, folder: Path) -> tuple[Connection, str]:
    """Return the connection as *user*, and ssh's complaint if it is not open."""
    opened = Connection(target.name, user, folder / "ssh_config", folder)
    _write(opened.config, configuration(target, user, folder))
    return opened, _patiently(opened)


def _patiently(opened: Connection) -> str:
    """Open the connection; return "" or ssh's complaint."""
    until = time.monotonic() + PATIENCE
    while True:
        done = _ssh(opened, *_MASTER)
        if done.returncode != 0 and not done.stderr:  # it says some things softly
            done = _ssh(opened, "-o", "LogLevel=INFO", *_MASTER)
        if done.returncode == 0:
            return ""
        said = done.stderr.strip()
        if not _DROPPED.search(said) or time.monotonic() > until:
            return said or f"ssh ended with status {done.returncode}"
        time.sleep(1)


def _powerless(opened: Connection) -> str:
    """Return "" if the account becomes root, else what sudo says."""
    # `true` itself, so that this needs no right but the one to become root.
    done = _ssh(opened, "--", '[ "$(id -u)" = 0 ] || sudo -n true')
    if done.returncode == 0:
        return ""
    return done.stderr.strip()[:200] or f"status {done.returncode}"


def _become_root(opened: Connection) -> None:
    if said := _powerless(opened):
        message = f"{opened.user} cannot become root: {said}"
        fix = f"let {opened.user} use sudo without a password"
        raise KeepgateError(message, fix)


def _ssh(opened: Connection, *words: str) -> subprocess.CompletedProcess[str]:
    flags, command = (words, ()) if words[0] != "--" else ((), words[1:])
    # No pipe for the master's standard error would ever end: it stays open in the
    # background, so it goes to a file.
    with (opened.folder / "ssh.log").open("w+", encoding="utf-8") as log:
        ssh = shutil.which("ssh") or "ssh"
        done = subprocess.run(  # noqa: S603 - no shell; names are checked by Target
            [ssh, "-F", str(opened.config), *flags, opened.name, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            check=False,
        )
        log.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, "", log.read())


def configuration(target: Target, user: str, folder: Path) -> str:
    """Return the ssh_config(5) that reaches *target* as *user* and shares a socket."""
    lines = [
        f"Host {target.name}",
        f"  HostName {target.address}",
        f"  Port {target.port}",
        f"  User {user}",
        f'  UserKnownHostsFile "{target.known_hosts}"',
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        "  UpdateHostKeys no",
        "  PreferredAuthentications publickey",
        "  BatchMode yes",
        f"  ConnectTimeout {TIMEOUT}",
        "  ServerAliveInterval 15",
        "  ControlMaster auto",
        f"  ControlPath {folder}/socket",
        "  ControlPersist 300",
        "  LogLevel ERROR",
    ]
    if target.key is not None:
        lines += [
            f'  IdentityFile "{target.key}"',
            "  IdentitiesOnly yes",
            "  IdentityAgent none",
        ]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
    ) as f:
        f.write(text)


def _explained(target: Target, said: str) -> Unreachable:
    told = {
        "trust": hints.trust(target),
        "replace": hints.trust(target, "--replace", target.name),
        "where": f"{target.address} port {target.port}",
        "address": target.address,
        "name": target.name,
        "operator": target.settings.operator.name,
        "login": target.login,
        "key": target.key or "the SSH agent",
    }
    message, fix, match = next(
        (message, fix, found[0])
        for pattern, message, fix in _RULES
        if (found := re.search(pattern, said))
    )
    return Unreachable(message.format(**told, match=match), fix.format(**told))
