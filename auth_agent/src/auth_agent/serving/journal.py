"""Audit checkpoints in the journal, where who can change the audit log cannot."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import asdict

from auth_agent.audit.log import Checkpoint

JOURNAL = "/run/systemd/journal/socket"
"""Where journald takes messages with fields (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

_NOTICE = 5
_STANDARD_OUTPUT = 1

_log = logging.getLogger("auth_agent.checkpoint")
# A checkpoint that a quiet log keeps back is none.
_log.setLevel(logging.INFO)


def announce(made: Checkpoint) -> None:
    """Say where the audit chain stands, whatever the log level.

    In the log; and, where the log does not lead to the journal (a command's, say),
    to the journal itself, if there is one.
    """
    _log.info("audit checkpoint", extra=asdict(made))
    if not _leads_to_journal(_STANDARD_OUTPUT):
        _send(made)


def _leads_to_journal(descriptor: int) -> bool:
    """Whether systemd connected *descriptor* to the journal (systemd.exec(5))."""
    status = os.fstat(descriptor)
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _send(made: Checkpoint) -> None:
    fields = {
        "MESSAGE": f"audit checkpoint: segment {made.segment}, record {made.seq}, "
        f"hash {made.hash}",
        "PRIORITY": _NOTICE,
        "SYSLOG_IDENTIFIER": "auth-agent",
        **{f"AUDIT_{name.upper()}": value for name, value in asdict(made).items()},
    }
    data = "".join(f"{name}={value}\n" for name, value in fields.items()).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
        one.settimeout(1)
        try:
            one.sendto(data, JOURNAL)
        except OSError as error:  # no journal on this machine, or a full one
            _log.debug("no journal: %s", error)
