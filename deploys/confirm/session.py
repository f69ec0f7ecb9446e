"""Running a text on the host over a connection that may break at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from paramiko import SSHException

from deploys.common import remote
from deploys.common.errors import NoAnswer, Unreachable
from deploys.common.shell import ROOT_STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramiko import SSHClient
    from pyinfra.api.host import Host

BROKEN = (SSHException, OSError, EOFError, TimeoutError)
"""What a connection raises when it breaks or stays silent."""


class LostError(Exception):
    """The host's answer did not arrive: what it did is unknown."""


@dataclass(frozen=True)
class Answer:
    """What a text said: lines of a word and the rest; the last one rules."""

    lines: tuple[tuple[str, str], ...]
    errors: str = ""

    @property
    def word(self) -> str:
        """What came of it, say `armed` or `refused`; empty when nothing was said."""
        return self.lines[-1][0] if self.lines else ""

    @property
    def rest(self) -> str:
        """What follows the last line's word."""
        return self.lines[-1][1] if self.lines else ""

    def all(self, word: str) -> list[str]:
        """Return what follows *word* in every line that begins with it."""
        return [rest for first, rest in self.lines if first == word]

    def record(self) -> dict[str, str]:
        """Return the record of a commit that the answer quotes."""
        pairs = (line.partition(" ") for line in self.all("record"))
        return {key: value for key, _, value in pairs}


def parse(output: Iterable[str], errors: str = "") -> Answer:
    """Return the answer that *output* is."""
    pairs = (line.strip().partition(" ") for line in output if line.strip())
    return Answer(tuple((word, rest) for word, _, rest in pairs), errors)


class Session(Protocol):
    """A login on the host."""

    def run(self, text: str, *, seconds: float) -> Answer:
        """Run *text* (POSIX sh) as root and return what it says.

        Raises:
            LostError: no answer within *seconds*, or the connection broke.
        """


class RunningSession:
    """The connection that pyinfra holds."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def run(self, text: str, *, seconds: float) -> Answer:
        """Run *text* as root; see `Session`.

        Raises:
            Refused: the login cannot become root.
        """
        try:
            reply = remote.run(self._host, text, seconds=max(1, int(seconds)))
        except (NoAnswer, Unreachable) as error:
            raise LostError(error.message) from error
        return parse(reply.lines, "\n".join(reply.errors))


class FreshSession:
    """A login of our own, made for a proof."""

    def __init__(self, client: SSHClient) -> None:
        self._client = client

    def run(self, text: str, *, seconds: float) -> Answer:
        """Run *text* as root; see `Session`."""
        try:
            sender, reader, errors = self._client.exec_command(
                ROOT_STDIN, timeout=seconds
            )
            sender.channel.sendall(text.encode())
            sender.channel.shutdown_write()
            output = reader.read().decode("utf-8", "replace")
            complaint = errors.read().decode("utf-8", "replace").strip()
        except BROKEN as error:
            raise LostError(str(error)) from error
        if not output:
            raise LostError(complaint or "the connection ended")
        return parse(output.splitlines(), complaint)

    def close(self) -> None:
        """End the login."""
        self._client.close()
