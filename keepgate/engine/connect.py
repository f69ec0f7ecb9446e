"""Reaching a host: as the operator, or as the account that a fresh host admits."""

from __future__ import annotations

import errno
import re
import socket
import time
from typing import TYPE_CHECKING, Final

from paramiko import AuthenticationException, BadHostKeyException
from paramiko.ssh_exception import NoValidConnectionsError
from pyinfra.api.config import Config
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State

from deploys.common import remote
from deploys.common.errors import NoAnswer, Refused, Unreachable
from deploys.confirm.operations import remember
from keepgate.inventory import hints, host_data, logins

if TYPE_CHECKING:
    from pyinfra.api.host import Host

    from deploys.edge import Target

TIMEOUT: Final = 10
"""Seconds for a connection to be made."""

PATIENCE: Final = 25.0
"""Seconds for which a server that drops us before its banner is tried again.

OpenSSH penalises addresses that misbehaved (PerSourcePenalties, sshd_config(5));
what it takes for scans of ours is over after some 20 seconds.
"""


def connect(target: Target) -> tuple[State, Host]:
    """Return a connected pyinfra state of one host.

    Tries `keepgate.inventory.logins`; one that gets in but does not become root is
    taken only if no other is left. An operator who is not the first is remembered,
    since each refusal counts towards a ban of us.

    Raises:
        Unreachable: no login; message and fix say why.
    """
    operator = target.settings.operator.name
    problem: Unreachable | None = None
    powerless: tuple[State, Host] | None = None
    for user in logins(target):
        try:
            reached = _patiently(target, user)
        except _RejectedError as error:
            problem = problem or error.told
            continue
        if user == operator:
            if problem is not None or powerless is not None:
                remember(target, user)
            return reached
        if _becomes_root(reached[1]):
            return reached
        powerless = reached
    if powerless is not None:
        return powerless  # why it is no use is told when something is asked of it
    raise problem or Unreachable("no account to log in as")


def _becomes_root(host: Host) -> bool:
    try:
        return remote.run(host, remote.whole("true"), seconds=TIMEOUT).ok
    except (NoAnswer, Refused):
        return False


class _RejectedError(Exception):
    """The host turned the account away; another one may do."""

    def __init__(self, told: Unreachable) -> None:
        super().__init__(told.message)
        self.told = told


class _DroppedError(Exception):
    """The connection ended before it was decided; worth another try."""

    def __init__(self, told: Unreachable) -> None:
        super().__init__(told.message)
        self.told = told


def _patiently(target: Target, user: str) -> tuple[State, Host]:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return _once(target, user)
        except _DroppedError as error:
            if time.monotonic() > deadline:
                raise error.told from error
            time.sleep(1.0)


def _once(target: Target, user: str) -> tuple[State, Host]:
    data = {**host_data(target), "ssh_user": user}
    inventory = Inventory(([(target.name, data)], {}))
    config = Config(CONNECT_TIMEOUT=TIMEOUT)
    state = State(inventory, config, check_for_changes=False)
    host = inventory.get_host(target.name)
    try:
        host.connect(show_errors=False, raise_exceptions=True)
    except ConnectError as error:
        raise _explain(target, error) from error
    state.activate_host(host)
    return state, host


def _cause(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None:
        chain.append(at)
        if isinstance(at, NoValidConnectionsError):  # one of each address
            chain += at.errors.values()
        at = at.__cause__ or at.__context__
    return chain


def _explain(target: Target, error: ConnectError) -> Exception:
    where = f"{target.address} port {target.port}"
    text = str(error)
    causes = _cause(error)

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if among(BadHostKeyException) or "does not match" in text:
        return Unreachable(
            f"the host key of {where} has CHANGED: another machine, or somebody is"
            " between",
            "find out why; if it was reinstalled: "
            + hints.trust(target, "--replace", target.name),
        )
    if "StrictPolicy" in text or "known_hosts" in text:
        return Unreachable(f"the host key of {where} is not known", hints.trust(target))
    if "No authentication methods available" in text:
        return Unreachable(
            f"there is no key to log in to {where} with",
            "set `key` in the inventory, or start an agent and `ssh-add` your key",
        )
    if among(AuthenticationException) or "Authentication" in text:
        key = target.key or "the SSH agent"
        return _RejectedError(
            Unreachable(
                f"{where} admits neither {target.settings.operator.name}"
                f" nor {target.login} with {key}",
                "check `login`, `key` and `operator.keys` in the inventory",
            )
        )
    return _explain_network(where, text, causes)


_RULES: Final[tuple[tuple[type[OSError], str, str], ...]] = (
    (
        ConnectionRefusedError,
        "refuses the connection",
        "check `address` and `port`, and that ssh runs on the host",
    ),
    (TimeoutError, "does not answer", "check `address`, the network and its firewalls"),
)


def _explain_network(where: str, text: str, causes: list[BaseException]) -> Exception:
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Unreachable(
            f"{where.split(maxsplit=1)[0]} does not resolve",
            "check `address`, and the name service",
        )
    for kind, what, fix in _RULES:
        if any(isinstance(cause, kind) for cause in causes):
            return Unreachable(f"{where} {what}", fix)
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    if numbers & {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        fix = "check `address`, and that the host is up"
        return Unreachable(f"{where} cannot be reached", fix)
    if re.search("banner|EOF|reset by peer|existing session|negotiation", text):
        plain = Unreachable(f"{where} ends the connection: {text}", "try again")
        if "no acceptable" in text or "Incompatible" in text:
            return plain
        return _DroppedError(plain)
    return Unreachable(f"{where}: {text}", "log in by hand with ssh -v and look")
