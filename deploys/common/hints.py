"""What a failed step's output means, and what to do about it."""

from __future__ import annotations

import re
from typing import Final

_HINTS: Final[tuple[tuple[str, str], ...]] = (
    (
        r"No space left on device|not have enough free space|Disk quota exceeded",
        "make room on the host (`df -h`, `df -i`), then run again",
    ),
    (
        r"Read-only file system",
        "find out why it is read-only (`dmesg`), remount it, then run again",
    ),
    (
        r"dpkg was interrupted",
        "run `dpkg --configure -a` on the host, then run again",
    ),
    (
        r"Could not get lock|Unable to (?:lock|acquire)|is locked by another process",
        "wait until the other package manager has ended, then run again",
    ),
    (
        r"Unable to locate package|has no installation candidate",
        "the host's package sources lack it: look at /etc/apt/sources.list*",
    ),
    (
        r"is not valid yet|Release file .* is expired|certificate is not yet valid",
        "set the host's clock right (`timedatectl`), then run again",
    ),
    (
        r"NO_PUBKEY|is not signed|EXPKEYSIG|couldn't be verified",
        "mend the package source it names under /etc/apt, then run again",
    ),
    (
        (
            r"(?:resolving|resolve) |Could not connect|Connection (?:refused|timed out)"
            r"|Network is unreachable|Failed to fetch|Unable to connect"
        ),
        (
            "see that the host reaches its package mirror (DNS, routes, proxy), then "
            "run again"
        ),
    ),
    (
        r"Packages need to be removed but remove is disabled",
        (
            "Keepgate never removes packages: resolve the conflict with `apt-get "
            "install` on the host, then run again"
        ),
    ),
    (
        r"Held packages were changed|held broken packages",
        "release the hold (`apt-mark showhold`, `apt-mark unhold`), then run again",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        (
            "the package index gives other files than the lock names: find out who "
            "altered them, or set `agent.source: controller`"
        ),
    ),
    (
        r"another run is changing this host",
        "wait until it has ended, then run again",
    ),
    (
        r"does not belong to root|is no regular file|is a symbolic link",
        "move it away, then run again",
    ),
)
_CAUSE: Final = re.compile(
    r"^(?:E: |[EW]: |dpkg: error|Job for |Failed to |.*: error|.*No space left)"
)
_AGAIN: Final = "look at the output, then run again: the next run goes on from there"


def explain(output: str) -> tuple[str, str]:
    """Return the line of *output* that says why, and what can be done about it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return "it said nothing", _AGAIN
    for pattern, fix in _HINTS:
        for line in lines:
            if re.search(pattern, line):
                return line[:300], fix
    named = [line for line in lines if _CAUSE.search(line)]
    return (named or lines)[-1][:300], _AGAIN
