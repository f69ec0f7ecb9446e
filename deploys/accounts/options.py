"""Options before a key in an `authorized_keys` line (sshd(8))."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

_FLAGS: Final = frozenset(
    {
        "agent-forwarding",
        "cert-authority",
        "no-agent-forwarding",
        "no-port-forwarding",
        "no-pty",
        "no-touch-required",
        "no-user-rc",
        "no-x11-forwarding",
        "port-forwarding",
        "pty",
        "restrict",
        "user-rc",
        "verify-required",
        "x11-forwarding",
    }
)
_VALUED: Final = frozenset(
    {
        "command",
        "environment",
        "expiry-time",
        "from",
        "permitlisten",
        "permitopen",
        "principals",
        "tunnel",
    }
)

HINDRANCES: Final[dict[str, str]] = {
    "cert-authority": "it admits no login of its own but every key signed by it",
    "command": "it replaces what Keepgate has to run",
    "environment": "it is ignored, and dangerous where it is not",
    "expiry-time": "it locks its owner out some day",
    "from": "it locks its owner out elsewhere; use operator.networks, which is checked",
    "principals": "it belongs to cert-authority",
    "tunnel": "tunnels are turned off",
}
"""Options that an operator's key must not have, and why."""


class OptionError(ValueError):
    """Options that sshd would not understand; it would ignore the whole line."""


@dataclass(frozen=True)
class Option:
    """One option; *name* in lower case, *value* without quotes, None for a flag."""

    name: str
    value: str | None = None

    @override
    def __str__(self) -> str:
        if self.value is None:
            return self.name
        return '{}="{}"'.format(self.name, self.value.replace('"', '\\"'))


def parse(text: str) -> tuple[tuple[Option, ...], str]:
    """Return the options at the front of *text*, and what follows them.

    Raises:
        OptionError: an option is unknown, lacks its value or its closing quote.
    """
    options: list[Option] = []
    at = 0
    while True:
        option, at = _option(text, at)
        options.append(option)
        if at >= len(text):
            return tuple(options), ""
        if text[at] in " \t":
            return tuple(options), text[at:].strip(" \t")
        if text[at] != ",":
            message = f"something follows the option {option.name} without a comma"
            raise OptionError(message)
        at += 1


def _option(text: str, at: int) -> tuple[Option, int]:
    start = at
    while at < len(text) and text[at] not in ' \t,="':
        at += 1
    name = text[start:at].lower()
    valued = at < len(text) and text[at] == "="
    if name not in _FLAGS | _VALUED:
        raise OptionError(_unknown(name))
    if valued != (name in _VALUED):
        message = f"the option {name} takes {'a' if name in _VALUED else 'no'} value"
        raise OptionError(message)
    if not valued:
        return Option(name), at
    value, at = _quoted(name, text, at + 1)
    return Option(name, value), at


def _quoted(name: str, text: str, at: int) -> tuple[str, int]:
    message = f'the value of the option {name} must stand in "quotes"'
    if at >= len(text) or text[at] != '"':
        raise OptionError(message)
    at += 1
    value: list[str] = []
    while at < len(text) and text[at] != '"':
        # Only \" is an escape in sshd; any other backslash is itself.
        if text.startswith('\\"', at):
            at += 1
        value.append(text[at])
        at += 1
    if at >= len(text):
        raise OptionError(message)
    return "".join(value), at + 1


def _unknown(name: str) -> str:
    # The word may be anything, even a secret: it is told only when it resembles one.
    near = difflib.get_close_matches(name, sorted(_FLAGS | _VALUED), n=1, cutoff=0.8)
    if near:
        return f"there is no option of that name; the nearest is {near[0]}"
    return ""
