"""Login attempts that must be refused, made for real.

A refused attempt counts towards a ban and, from OpenSSH 9.8 on, towards sshd's
penalties for our address. Therefore: one connection per account, as few attempts
as the claim needs, and the operator's connection ends in a good login, which
costs no penalty.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostchecks.link import Link

_TIMEOUT = 15.0
_PENALTY_WAIT = 45.0  # seconds; sshd's penalties of a verify run stay below it


class NoAnswer(Exception):
    """The server let nobody try: no route, no banner, a penalty in force."""


@dataclass(frozen=True)
class Attempt:
    """What one account met: methods on offer, and whether each try got in."""

    user: str
    methods: tuple[str, ...]
    password: bool | None
    key: bool | None
    banner: str
    host_key: str
    host_key_pinned: bool


def attempt(link: Link, user: str, *, password: bool, keys: bool) -> Attempt:
    """Try to get in as *user*: with a made-up password, with our own keys, or both.

    What is not asked for is None in the answer.

    Raises:
        NoAnswer: the server could not be asked.
    """
    with _transport(link) as transport:
        key = transport.get_remote_server_key()
        methods = _methods(transport, user)
        inside = _try_password(transport, user, methods) if password else None
        return Attempt(
            user,
            methods,
            inside,
            _try_keys(transport, user, link) if keys and not inside else None,
            transport.remote_version,
            f"{key.get_name()} {key.fingerprint}",
            _pinned(link, key),
        )


@contextlib.contextmanager
def _transport(link: Link) -> Iterator[paramiko.Transport]:
    transport = _connected(link)
    try:
        yield transport
    finally:
        transport.close()


def _connected(link: Link) -> paramiko.Transport:
    """Connect, waiting out a penalty that our own earlier checks may have earned."""
    until = time.monotonic() + _PENALTY_WAIT
    while True:
        try:
            raw = socket.create_connection((link.address, link.port), _TIMEOUT)
            transport = paramiko.Transport(raw)
            transport.banner_timeout = _TIMEOUT
            transport.auth_timeout = _TIMEOUT
            transport.start_client(timeout=_TIMEOUT)
        except (OSError, EOFError, paramiko.SSHException) as error:
            if time.monotonic() > until:
                raise NoAnswer(str(error)) from error
            time.sleep(2)
        else:
            return transport


def _methods(transport: paramiko.Transport, user: str) -> tuple[str, ...]:
    try:
        transport.auth_none(user)
    except paramiko.BadAuthenticationType as error:
        return tuple(error.allowed_types)
    except (paramiko.SSHException, EOFError) as error:
        message = f"the server broke off when asked for its methods: {error}"
        raise NoAnswer(message) from error
    return ("none",)


def _try_password(
    transport: paramiko.Transport, user: str, methods: tuple[str, ...]
) -> bool:
    if "none" in methods:
        return True
    try:
        # Asked even if not on offer: what counts is what the server does.
        transport.auth_password(user, secrets.token_urlsafe(24), fallback=False)
    except paramiko.SSHException:
        return False
    except EOFError as error:
        message = "the server broke off at the password"
        raise NoAnswer(message) from error
    return transport.is_authenticated()


def _try_keys(transport: paramiko.Transport, user: str, link: Link) -> bool:
    for key in _keys(link):
        try:
            transport.auth_publickey(user, key)
        except paramiko.SSHException:
            if not transport.is_active():
                return False
        else:
            return transport.is_authenticated()
    return False


def _keys(link: Link) -> list[paramiko.PKey]:
    found = [paramiko.PKey.from_path(path) for path in link.keys]
    if link.agent and not found:
        found = list(paramiko.Agent().get_keys())
    return found[:2]  # more would run into MaxAuthTries


def _pinned(link: Link, key: paramiko.PKey) -> bool:
    name = link.address if link.port == 22 else f"[{link.address}]:{link.port}"
    for path in link.known_hosts:
        entries = paramiko.HostKeys(str(path)).lookup(name)
        if entries is not None and key in entries.values():
            return True
    return False
