"""Proving from the controller who gets in and who does not, by fresh logins.

Each login is a TCP connection, key exchange and authentication of its own, with
paramiko and the host keys that pyinfra's connection uses: nothing of a running
session is shared, since a connection that exists proves nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramiko import (
    Agent,
    AuthenticationException,
    BadAuthenticationType,
    RejectPolicy,
    SSHClient,
    SSHConfig,
    SSHException,
)
from paramiko.auth_strategy import AuthStrategy, InMemoryPrivateKey, NoneAuth
from paramiko.ssh_exception import BadHostKeyException
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramiko import PKey, Transport
    from paramiko.auth_strategy import AuthSource

PASSWORD_METHODS = frozenset({"password", "keyboard-interactive"})
"""Ways to authenticate that a guesser can try (RFC 4252, RFC 4256)."""

_ENOUGH = 512
"""Bytes of an answer that hold an SSH_CONNECTION."""


class TurnedAwayError(Exception):
    """The host answered and refused the login."""


class NoAnswerError(Exception):
    """No login was decided: no connection, a dropped one, or silence."""


@dataclass(frozen=True)
class Route:
    """One way to the host: a socket address of one family."""

    family: socket.AddressFamily
    address: tuple[Any, ...]

    @override
    def __str__(self) -> str:
        kind = "IPv6" if self.family == socket.AF_INET6 else "IPv4"
        return f"{kind} {self.address[0]} port {self.address[1]}"


@dataclass(frozen=True)
class Login:
    """A login that succeeded; *methods* is what the host offers to anybody."""

    client: SSHClient
    methods: frozenset[str]

    def source(self, *, seconds: float) -> str:
        """Return the address at which the host sees us, "" if it does not say."""
        with suppress(SSHException, OSError, EOFError, ValueError, IndexError):
            _, answer, _ = self.client.exec_command(
                'echo "$SSH_CONNECTION"', timeout=seconds
            )
            first = answer.read(_ENOUGH).decode("ascii", "replace").split()[0]
            return str(ipaddress.ip_address(first.partition("%")[0]))
        return ""


@dataclass(frozen=True)
class Door:
    """How to knock: the host's name in known_hosts, its port, our keys."""

    hostname: str
    port: int
    known_hosts: Path
    keys: tuple[PKey, ...] = ()
    allow_agent: bool = False

    def routes(self) -> tuple[Route, ...]:
        """Return every address that the name stands for.

        Raises:
            NoAnswerError: the name does not resolve.
        """
        try:
            found = socket.getaddrinfo(
                self.hostname, self.port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            message = f"{self.hostname} does not resolve: {error}"
            raise NoAnswerError(message) from error
        return tuple(dict.fromkeys(Route(entry[0], entry[4]) for entry in found))

    def login(self, route: Route, user: str, *, seconds: float) -> Login:
        """Log in as *user* by *route*, anew.

        Raises:
            TurnedAwayError: the host refused *user*, or showed another host key.
            NoAnswerError: it could not be decided within *seconds*.
        """
        knock = _Knock(user, self._all_keys())
        client = SSHClient()
        client.load_host_keys(str(self.known_hosts))
        client.set_missing_host_key_policy(RejectPolicy())
        try:
            client.connect(
                self.hostname,
                port=self.port,
                sock=_dial(route, seconds),
                timeout=seconds,
                banner_timeout=seconds,
                auth_timeout=seconds,
                auth_strategy=knock,
            )
        except AuthenticationException as error:
            client.close()
            offered = ", ".join(sorted(knock.methods)) or "nothing"
            message = f"{user} is refused (the host offers {offered})"
            raise TurnedAwayError(message) from error
        except BadHostKeyException as error:
            client.close()
            message = f"{self.hostname} shows another host key than the pinned one"
            raise TurnedAwayError(message) from error
        except (SSHException, OSError, EOFError) as error:
            client.close()
            raise NoAnswerError(_one_line(error)) from error
        return Login(client, frozenset(knock.methods))

    def _all_keys(self) -> tuple[PKey, ...]:
        return self.keys or (tuple(Agent().get_keys()) if self.allow_agent else ())


class _Knock(AuthStrategy):
    """Asks which methods there are, then tries every key."""

    def __init__(self, user: str, keys: Sequence[PKey]) -> None:
        super().__init__(ssh_config=SSHConfig())
        self._user = user
        self._keys = keys
        self.methods: set[str] = set()

    @override
    def get_sources(self) -> Iterator[AuthSource]:
        yield _Ask(self._user, self.methods)
        for key in self._keys:
            yield InMemoryPrivateKey(username=self._user, pkey=key)


class _Ask(NoneAuth):
    """Asks with the method `none`, which OpenSSH counts as no failed attempt."""

    def __init__(self, username: str, methods: set[str]) -> None:
        super().__init__(username)
        self._methods = methods

    @override
    def authenticate(self, transport: Transport) -> list[str]:
        try:
            return super().authenticate(transport)
        except BadAuthenticationType as error:
            self._methods.update(error.allowed_types)
            raise


def _dial(route: Route, seconds: float) -> socket.socket:
    dialled = socket.socket(route.family, socket.SOCK_STREAM)
    try:
        dialled.settimeout(seconds)
        dialled.connect(route.address)
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        dialled.close()
        raise
    return dialled


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
