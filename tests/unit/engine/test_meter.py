"""What crosses the wire is counted, and has an end."""

from __future__ import annotations

import importlib
import socket

import pytest
from paramiko import SSHException
from paramiko.packet import Packetizer

from keepgate.engine import meter


@pytest.fixture(autouse=True)
def _counting() -> None:
    """A worker's module counts as soon as it is there."""
    importlib.import_module("keepgate.engine.worker")


def test_a_host_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The byte after the last that we take ends the connection, with the reason."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Packetizer(ours)
        monkeypatch.setattr(meter.METER, "received", meter.MOST - 4)
        theirs.sendall(b"12345")

        assert b"1234" == wire.read_all(4)
        with pytest.raises(SSHException, match="more than the 16 MB"):
            wire.read_all(1)
