"""The same actions without the running agent, under the lock that it would hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

from auth_agent.callers import Caller
from auth_agent.clock import SystemClock
from auth_agent.config.model import Config
from auth_agent.config.secrets import read_secret
from auth_agent.owning import become_owner
from auth_agent.serving.control import answers
from auth_agent.serving.journal import announce
from auth_agent.serving.process import opened
from auth_agent.serving.questions import Answer, Question
from auth_agent.system.restore import Restored, restore


def answer_offline(config: Config, path: Path, question: Question) -> list[Answer]:
    """Open the state, do what *question* asks, close it.

    Raises:
        AgentError: the state cannot be opened; a running agent has it, say.
    """
    return asyncio.run(_answer(config, path, question))


def restore_offline(config: Config, backup: Path) -> Restored:
    """Put *backup* in the place of the state.

    Raises:
        AgentError: as `auth_agent.system.restore.restore`.
    """
    secret = read_secret(Path(config.server.secret_file))
    become_owner(Path(config.server.state))
    return restore(
        config,
        backup,
        secret=secret,
        clock=SystemClock(),
        caller=Caller.cli(),
        announce=announce,
    )


async def _answer(config: Config, path: Path, question: Question) -> list[Answer]:
    async with opened(config, path) as (runtime, _):
        caller = Caller.cli()
        return [answer async for answer in answers(runtime, caller, question)]
