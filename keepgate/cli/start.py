"""The first thing that `keepgate` runs: what takes longest is set going at once."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Final, Protocol, cast

from keepgate.engine import launch

if TYPE_CHECKING:
    from collections.abc import Sequence

ON_HOSTS: Final = frozenset({"apply", "plan", "status", "trust"})
"""Commands that are sure to need the engine soon."""


class _Program(Protocol):
    def main(self) -> int: ...


def main() -> int:
    """Run the command; the engine warms up while we read command line and inventory."""
    if wants_engine(sys.argv[1:]):
        launch.ahead()
    program = cast("_Program", importlib.import_module("keepgate.cli.program"))
    return program.main()


def wants_engine(words: Sequence[str]) -> bool:
    """Whether the command line *words*, if it is right, asks for work on hosts."""
    named = next((word for word in words if not word.startswith("-")), None)
    return named in ON_HOSTS and not {"-h", "--help"} & {*words}
