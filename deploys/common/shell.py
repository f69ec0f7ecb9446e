"""Command lines that run as root whoever is logged in.

A run may begin as root and go on as the operator (root is closed on the way),
so privilege is decided on the host, per command, and never by pyinfra's `_sudo`.
"""

from __future__ import annotations

import shlex

_AS_ROOT = (
    'if [ "$(id -u)" = 0 ]; then exec {command}; else exec sudo -n -- {command}; fi'
)

ROOT_STDIN = _AS_ROOT.format(command="sh -s")
"""Runs the POSIX sh text that arrives on standard input as root.

Used for everything that changes a host: a text on standard input appears in no
process list and knows no length limit.
"""


def as_root(script: str) -> str:
    """Return one command line that runs *script* (POSIX sh) as root.

    The text is part of the command line: for reading only, never for a secret.
    """
    return _AS_ROOT.format(command=f"sh -c {shlex.quote(script)}")
