"""A misbehaving client, run at an address of its own in the lab.

A program of its own: `python attack.py guess|reach ADDRESS PORT` prints one JSON
document. `guess` says whether the port accepts a connection, then fails logins until
that suffices for a ban; `reach` only says whether the port accepts one.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

_TIMEOUT = 2.5
_EXCHANGE = 15.0  # seconds for a key exchange, with an emulated processor too
_ANSWER = 10.0  # seconds for any other answer
# A server that takes no passwords logs two failures per connection and three tries:
# four connections are a ban's worth, and still too little for sshd's penalties.
_ENOUGH = 12
_PATIENCE = 45.0  # seconds for all of it, an earlier penalty of sshd's included


def reach(address: str, port: int) -> bool:
    """Return whether a TCP connection is accepted."""
    try:
        socket.create_connection((address, port), _TIMEOUT).close()
    except OSError:
        return False
    return True


def guess(address: str, port: int) -> int:
    """Return how many password logins of an unknown account were refused."""
    import paramiko  # noqa: PLC0415 - `reach` shall not wait for it

    refused = 0
    until = time.monotonic() + _PATIENCE
    while refused < _ENOUGH and time.monotonic() < until:
        try:
            raw = socket.create_connection((address, port), _TIMEOUT)
        except OSError:
            break
        transport = paramiko.Transport(raw)
        # A packet filter that begins to drop us lets each answer time out.
        transport.banner_timeout = transport.auth_timeout = _ANSWER
        try:
            # When the time is up this returns all the same; what comes then is no try.
            transport.start_client(timeout=_EXCHANGE)
            refused += _tries(transport, _ENOUGH - refused)
        except (paramiko.SSHException, EOFError, OSError):
            time.sleep(1.0)
        finally:
            transport.close()
    return refused


def _tries(transport: paramiko.Transport, wanted: int) -> int:
    """Return how many of *wanted* tries were refused before the server hung up."""
    import paramiko  # noqa: PLC0415 - as above

    for refused in range(wanted):
        began = time.monotonic()
        try:
            transport.auth_password(
                "keepgate-verify", secrets.token_urlsafe(12), fallback=False
            )
        except paramiko.AuthenticationException:
            if time.monotonic() - began >= _ANSWER:
                return refused  # no answer is no refusal: packets are dropped by now
            if not transport.is_active():
                return refused + 1
        except paramiko.SSHException:
            return refused  # there is no session yet, or none any more
        else:
            return refused
    return wanted


if __name__ == "__main__":
    what, target, number = sys.argv[1:4]
    found: dict[str, int] = {"reached": reach(target, int(number))}
    if what == "guess":
        found["refused"] = guess(target, int(number)) if found["reached"] else 0
    sys.stdout.write(json.dumps(found))
