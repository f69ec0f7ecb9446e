"""Inventories for pyinfra's own CLI: `pyinfra inventories/x.py deploys/site.py`."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploys.common.errors import KeepgateError
from deploys.edge import DATA_KEY, Target
from keepgate.inventory.loader import load

if TYPE_CHECKING:
    from paramiko import Transport

SILENCE: Final = 60
"""Seconds for which sent bytes may stay unacknowledged before a connection breaks."""

_USER_TIMEOUT: Final = getattr(socket, "TCP_USER_TIMEOUT", None)  # tcp(7), Linux

USAGE_ERROR: Final = 2
"""Exit status for wrong usage or configuration."""


def pyinfra_hosts(py_file: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the hosts of the `.yml` beside *py_file* as pyinfra wants them.

    Ends the process with status 2 and a clear message when that file is wrong.
    Also makes paramiko send small packets at once (TCP_NODELAY), which makes runs
    several times faster.
    """
    try:
        inventory = load(Path(py_file).with_suffix(".yml"))
        hosts = [(target.name, host_data(target)) for target in inventory.hosts]
    except KeepgateError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(USAGE_ERROR) from None
    send_at_once()
    return hosts


def host_data(target: Target) -> dict[str, Any]:
    """Return *target* as pyinfra's host data: the contract and how to connect."""
    data: dict[str, Any] = {
        DATA_KEY: target.model_dump_json(),
        "ssh_hostname": target.address,
        "ssh_port": target.port,
        "ssh_user": remembered_login(target) or target.login,
        "ssh_known_hosts_file": str(target.known_hosts),
        "ssh_strict_host_key_checking": "yes",
        "ssh_allow_agent": target.key is None,
        "ssh_look_for_keys": False,
    }
    if target.key is not None:
        data["ssh_key"] = str(target.key)
    return data


def remembered_login(target: Target) -> str | None:
    """Return the account that an earlier run proved, None on a fresh host."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((target.state / "login.json").read_text("utf-8"))
        login = told["login"]
        if isinstance(login, str) and login:
            return login
    return None


def logins(target: Target) -> tuple[str, ...]:
    """Return the accounts to try, in order; at most two, since servers count failures.

    The one that let us in last comes first. Of a host that we do not know yet we take
    it that it is fresh: asking there for an operator who does not exist is a failure
    that a ban may follow.
    """
    operator = target.settings.operator.name
    known = remembered_login(target)
    wanted = (target.login, operator) if known is None else (known, operator)
    return tuple(dict.fromkeys((*wanted, target.login)))[:2]


def send_at_once() -> None:
    """Make every later paramiko connection set TCP_NODELAY; may be repeated.

    Without it each command waits some 40 ms for a delayed acknowledgement.

    The same connections break after `SILENCE` seconds in which the host acknowledges
    nothing: a packet filter that has shut us out says nothing, and what opens a channel
    waits without a limit.
    """
    import paramiko  # noqa: PLC0415 - reading an inventory shall not load it

    original = paramiko.Transport.__init__
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def connect(self: Transport, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        # Behind a jump host the socket is a channel or a pipe.
        if isinstance(self.sock, socket.socket):
            with suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if _USER_TIMEOUT is not None:
                    limit = SILENCE * 1000
                    self.sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, limit)

    paramiko.Transport.__init__ = connect  # type: ignore[method-assign]
