"""An agent with a backup of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.callers import Caller
from auth_agent.system.restore import Restored, restore

from tests.agent.conftest import SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import World

CLI = Caller.cli()


class Kept:
    """An agent that can be backed up, stopped, put back and started again."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.file = folder / "backup.db"

    def backup(self) -> None:
        """Write a backup while the agent runs."""
        self.world.do(self.world.services.system.backup(CLI, self.file))

    def put_back(self, *, secret: bytes = SECRET) -> Restored:
        """Put the backup back, as the command does."""
        return restore(
            self.world.config,
            self.file,
            secret=secret,
            clock=self.world.clock,
            caller=CLI,
            announce=lambda _: None,
        )

    def restore(self, *, secret: bytes = SECRET) -> Restored:
        """Stop the agent, put the backup back, start the agent again."""
        world = self.world
        world.do(world.services.close())
        try:
            return self.put_back(secret=secret)
        finally:
            world.services = world.do(world.open())
