"""What goes over the control socket: one question per line, lines of answers."""

from __future__ import annotations

import msgspec

MAX_LINE = 64 * 1024
"""Longest question in bytes."""


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What the command line asks."""

    action: str
    given: dict[str, object] = msgspec.field(default_factory=dict)


class Answer(msgspec.Struct, omit_defaults=True):
    """One line of an answer."""

    line: str = ""
    ok: object = None
    done: bool = False
    error: str = ""
    message: str = ""
    fix: str = ""
