"""Asks the running agent over its control socket, or does it under its lock."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

from auth_agent.config.model import Config
from auth_agent.errors import AgentError
from auth_agent.serving.questions import Answer, Question

SECONDS = 300


class RefusedError(AgentError):
    """The agent did not do it; *code* is its name for the reason."""

    def __init__(self, message: str, *, code: str, fix: str) -> None:
        super().__init__(message, fix=fix)
        self.code = code


def ask(config: Config, path: Path, question: Question) -> Iterator[Answer]:
    """Give the answers to *question*; the last one has `done`.

    Raises:
        RefusedError: it was refused.
        AgentError: neither the agent can be asked nor its state be opened.
    """
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(SECONDS)
        connection.connect(config.server.control)
    except (FileNotFoundError, ConnectionRefusedError):
        # The server's half takes most of a second to import; few commands need it.
        from auth_agent.cli.offline import answer_offline  # noqa: PLC0415 - see above

        for answer in answer_offline(config, path, question):
            # The same forms as over the socket: lists and objects, nothing else.
            data = msgspec.json.encode(answer)
            yield _checked(msgspec.json.decode(data, type=Answer))
        return
    except PermissionError as error:
        message = f"{config.server.control} is closed to you"
        raise AgentError(message, fix="run this as root") from error
    with connection, connection.makefile("rwb") as stream:
        stream.write(msgspec.json.encode(question) + b"\n")
        stream.flush()
        for line in stream:
            answer = _checked(msgspec.json.decode(line, type=Answer))
            yield answer
            if answer.done:
                return
    message = "the agent hung up"
    raise AgentError(message, fix="look at its log")


def _checked(answer: Answer) -> Answer:
    if answer.error:
        raise RefusedError(answer.message, code=answer.error, fix=answer.fix)
    return answer
