"""Why no connection can be made, told by the real ssh."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from deploys.common.errors import Unreachable
from deploys.edge import Target
from keepgate.verify.connection import connect

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx1VbY5ARl2n8s9cBHyVZVWVHvwyzSDbqvDJHVN0BVY"


def _target(folder: Path, address: str, port: int) -> Target:
    described = {
        "name": "web1",
        "address": address,
        "port": port,
        "login": "debian",
        "known_hosts": str(folder / "known_hosts"),
        "state": str(folder / "state"),
        "settings": {"operator": {"name": "keeper", "keys": [KEY]}},
    }
    return Target.model_validate_json(json.dumps(described), strict=True)


def test_a_closed_port_refuses(tmp_path: Path) -> None:
    """Nobody listens: the port is named, and ssh's own words are not repeated."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but it does not listen
        port = taken.getsockname()[1]
        with (
            pytest.raises(Unreachable) as failed,
            connect(_target(tmp_path, "127.0.0.1", port)),
        ):
            pass

    assert f"127.0.0.1 port {port} refuses the connection" == failed.value.message


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    """A name that nobody knows (RFC 6761) is told as such."""
    with (
        pytest.raises(Unreachable) as failed,
        connect(_target(tmp_path, "no-such-host.invalid", 22)),
    ):
        pass

    assert "no-such-host.invalid does not resolve" == failed.value.message
