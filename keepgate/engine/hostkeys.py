"""Reading the keys that a host shows: a key exchange per type, never a login."""

from __future__ import annotations

import base64
import hashlib
import socket
from typing import TYPE_CHECKING, Final

import paramiko
from paramiko import SSHException
from paramiko.ssh_exception import IncompatiblePeer

from deploys.common.errors import Unreachable

if TYPE_CHECKING:
    from deploys.edge import Target

TIMEOUT: Final = 10.0
_TYPES: Final = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
"""Signature algorithms by type of key, the best first; SHA-1 is not spoken."""


def fetch(target: Target) -> list[dict[str, str]]:
    """Return the host's keys: type, base64 form, SHA-256 fingerprint; Ed25519 first.

    Raises:
        Unreachable: there is no SSH server to be reached, or it shows no key that
            we know.
    """
    found = [key for wanted in _TYPES if (key := _shown(target, wanted)) is not None]
    if not found:
        message = f"{_where(target)} shows no host key of a type that is still safe"
        fix = "make one on the host: `ssh-keygen -A`, then restart ssh"
        raise Unreachable(message, fix)
    return [
        {
            "type": key.get_name(),
            "key": key.get_base64(),
            "fingerprint": fingerprint(key.asbytes()),
        }
        for key in found
    ]


def fingerprint(blob: bytes) -> str:
    """Return a public key's fingerprint as `ssh-keygen -l` shows it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def _where(target: Target) -> str:
    return f"{target.address} port {target.port}"


def _dialled(target: Target) -> socket.socket:
    try:
        return socket.create_connection((target.address, target.port), TIMEOUT)
    except socket.gaierror as error:
        message = f"{target.address} does not resolve"
        raise Unreachable(message, "check `address`, and the name service") from error
    except TimeoutError as error:
        message = f"{_where(target)} does not answer"
        raise Unreachable(message, "check the network and its firewalls") from error
    except ConnectionRefusedError as error:
        message = f"{_where(target)} refuses the connection"
        raise Unreachable(
            message, "check `address` and `port`, and the host"
        ) from error
    except OSError as error:
        message = f"{_where(target)} cannot be reached: {error.strerror or error}"
        raise Unreachable(message, "check `address`, `port` and the network") from error


def _shown(target: Target, wanted: tuple[str, ...]) -> paramiko.PKey | None:
    """Return the key of one type, None where the host has none."""
    transport = paramiko.Transport(_dialled(target))
    try:
        transport.get_security_options().key_types = wanted
        transport.start_client(timeout=TIMEOUT)
        return transport.get_remote_server_key()
    except IncompatiblePeer:
        return None
    except (SSHException, OSError, EOFError) as error:
        message = f"{_where(target)} shows no host key: {error}"
        fix = "check that an SSH server listens there, then try again"
        raise Unreachable(message, fix) from error
    finally:
        transport.close()
