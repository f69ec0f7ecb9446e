"""What the tests of the agent's state share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.conftest import World
from tests.agent.system.keeping import Kept


@pytest.fixture
def kept(world: World, tmp_path: Path) -> Kept:
    """Return an agent without accounts."""
    return Kept(world, tmp_path)
