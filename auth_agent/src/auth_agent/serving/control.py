"""The control socket: the command line's way to the process that owns the state.

One line of JSON asks (`action`, `given`), lines of JSON answer: any number with
`line`, then one with `ok` or `error`. Only root and the agent's own user get in.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import socket
from collections.abc import AsyncIterator

import msgspec

from auth_agent.callers import Caller
from auth_agent.errors import AgentError, InvalidInputError, NotFoundError
from auth_agent.serving.questions import Answer, Question
from auth_agent.serving.sockets import peer_uid
from auth_agent.web.actions.base import Principal, Runtime, perform
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.asked import convert
from auth_agent.web.failures import code_of

_log = logging.getLogger("auth_agent.control")


async def answers(
    runtime: Runtime, caller: Caller, question: Question
) -> AsyncIterator[Answer]:
    """Do what *question* asks; the last answer has `done` or `error`."""
    try:
        action = ACTIONS.get(question.action)
        if action is None:
            raise NotFoundError(kind="action")
        given = convert(action.given, question.given)
        principal = Principal(caller, frozenset())
        result = await perform(runtime, principal, action, given)
        if isinstance(result, AsyncIterator):
            async for data in result:
                yield Answer(line=data.decode())
            result = None
        yield Answer(ok=msgspec.to_builtins(result), done=True)
    except AgentError as error:
        # The operator on the host is told everything.
        yield Answer(error=code_of(error), message=error.message, fix=error.fix)


class Control:
    """Serves the control socket."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the questions of one connection."""
        try:
            connection: socket.socket = writer.get_extra_info("socket")
            uid = peer_uid(connection)
            if uid not in {0, os.getuid()}:
                _log.warning("refused", extra={"uid": uid})
                return
            caller = Caller.cli(_name(uid))
            while line := await reader.readline():
                try:
                    question = msgspec.json.decode(line, type=Question)
                except msgspec.MsgspecError as error:
                    message = "that is no question"
                    raise InvalidInputError(message, field="(line)") from error
                async for answer in answers(self._runtime, caller, question):
                    writer.write(msgspec.json.encode(answer) + b"\n")
                    await writer.drain()
        except (OSError, ValueError, AgentError):
            _log.warning("a control connection broke")
        except Exception:  # noqa: BLE001 - one connection must not end the process
            _log.exception("a control request failed")
        finally:
            writer.close()


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
