"""The misbehaving client counts refusals, and nothing else, as tries."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from hostchecks import attack

if TYPE_CHECKING:
    import pytest


def test_server_that_is_too_slow_has_refused_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no session comes about in time, no password was tried."""
    monkeypatch.setattr(attack, "_EXCHANGE", 0.2)
    monkeypatch.setattr(attack, "_PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert 0 == attack.guess("127.0.0.1", silent.getsockname()[1])
