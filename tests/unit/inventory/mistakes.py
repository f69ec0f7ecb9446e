"""An inventory without mistakes, and how the mistakes of one are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from keepgate.inventory import InventoryError, Problem, load

Write = Callable[[str], Path]

GOOD = """\
defaults:
  login: debian
  operator:
    name: keeper
    keys:
      - operator.pub
groups:
  web:
    confirm: {timeout: 30}
hosts:
  one:
    address: 192.0.2.1
    groups: [web]
  two:
    address: 192.0.2.2
"""


def mistakes(path: Path) -> tuple[Problem, ...]:
    """Return what `load` complains about."""
    with pytest.raises(InventoryError) as caught:
        load(path)
    return caught.value.problems
