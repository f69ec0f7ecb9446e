"""Many observations in one command, so that a whole host costs one round trip.

The host runs one POSIX sh text as root and answers a line per section: its name
and, in base64, what the command wrote and the status it ended with. Base64
keeps any byte of any file intact.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[a-z0-9-]+")
_PREAMBLE = (
    # A cloud image may lack the locale that the controller's ssh sends along.
    "LC_ALL=C; PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; "
    "export LC_ALL PATH; client=${1%% *}; export client"
)


class BatchError(Exception):
    """The host's answer is not what a batch answers."""


@dataclass(frozen=True)
class Section:
    """What one command of a batch wrote, and the status it ended with."""

    status: int
    data: bytes

    @property
    def text(self) -> str:
        """The output as text; bytes that are no UTF-8 are kept as escapes."""
        return self.data.decode("utf-8", "backslashreplace")

    @property
    def lines(self) -> list[str]:
        """The output's lines without those that are blank."""
        return [line for line in self.text.splitlines() if line.strip()]


def command(sections: Mapping[str, str]) -> str:
    """Return one command line that runs every section's sh text as root.

    Standard error of a section is dropped unless the section says `2>&1`. The
    texts find the address we come from in `$client` (sudo clears sshd's own
    variable).
    """
    parts = [_PREAMBLE]
    for name, text in sections.items():
        if not _NAME.fullmatch(name):
            message = f"section name {name!r} has characters other than a-z0-9-"
            raise ValueError(message)
        framed = f"{{ ( {text}\n) </dev/null 2>/dev/null; printf '\\n%s' $?; }}"
        parts.append(f"printf '{name} '; {framed} | base64 -w0; echo")
    encoded = base64.b64encode("\n".join(parts).encode()).decode()
    run = (
        'if [ "$(id -u)" = 0 ]; then sh -s -- "$SSH_CONNECTION"; '
        'else sudo -n sh -s -- "$SSH_CONNECTION"; fi'
    )
    return f"printf %s {encoded} | base64 -d | {{ {run}; }}"


def parse(answer: str) -> dict[str, Section]:
    """Return the sections that a batch answered, by name.

    Raises:
        BatchError: a line is not of that form, or there is none.
    """
    sections: dict[str, Section] = {}
    for line in answer.splitlines():
        name, _, encoded = line.strip().partition(" ")
        try:
            body, _, status = base64.b64decode(encoded, validate=True).rpartition(b"\n")
            sections[name] = Section(int(status), body)
        except (binascii.Error, ValueError) as error:
            message = f"the host answered a line that is no section: {line[:80]!r}"
            raise BatchError(message) from error
    if not sections:
        message = "the host answered nothing"
        raise BatchError(message)
    return sections
