"""sslyze's word on the sites: TLS against Mozilla's intermediate profile.

A program of its own (AGPL), run where it is installed: here, or on the PATH.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 120.0
"""Seconds for one scan of all sites, on an emulated machine too."""

# Each judge by its own lights: whose certificates are trusted is not TLS's question,
# and sslyze knows no authorities but those of the day it was made.
_ELSEWHERE = "certificate_path_validation"
_VERDICT = re.compile(r"^ +(?P<name>\S+):443: (?:OK|FAILED|(?P<why>ERROR)) - ")
_ISSUE = re.compile(r"^ +\* (?P<what>[a-z0-9_]+): (?P<why>.+)$")
_ERROR = re.compile(
    r"^ +(?P<name>\S+):443 +=> ERROR: (?P<why>.+?)(?:; discarding scan)?[;.]?$"
)


class RefereeError(Exception):
    """sslyze could not finish its scan."""


@dataclass(frozen=True)
class Verdict:
    """What sslyze holds against one site; *trouble* says why it could not look."""

    issues: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def text(self) -> str:
        """All of it in words; empty where there is nothing to say."""
        return "; ".join((*self.issues, *([self.trouble] if self.trouble else [])))


def program() -> list[str] | None:
    """Return how sslyze is called, None where it is not installed."""
    if importlib.util.find_spec("sslyze") is not None:
        return [sys.executable, "-W", "ignore", "-m", "sslyze"]
    found = shutil.which("sslyze")
    return [found] if found else None


def judge(
    command: Sequence[str], address: str, names: Sequence[str]
) -> dict[str, Verdict]:
    """Return what sslyze, called as *command*, says of each of *names* at *address*.

    Raises:
        RefereeError: it came to no end, or said nothing of one of them.
    """
    try:
        where = socket.getaddrinfo(address, 443, type=socket.SOCK_STREAM)[0][4][0]
        targets = [f"{name}:443{{{where}}}" for name in names]
        done = subprocess.run(
            [*command, "--mozilla_config=intermediate", *targets],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"sslyze: {error}"
        raise RefereeError(message) from error
    found = read(done.stdout)
    silent = [name for name in names if name not in found]
    if silent:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        message = f"sslyze says nothing of {', '.join(silent)}, but: {said[:200]}"
        raise RefereeError(message)
    return found


def read(text: str) -> dict[str, Verdict]:
    """Return the verdicts in what sslyze writes, by name."""
    found: dict[str, Verdict] = {}
    name = ""
    for line in text.splitlines():
        if match := _ERROR.match(line):
            found[match["name"]] = Verdict(trouble=match["why"])
        elif match := _VERDICT.match(line):
            name = match["name"]
            found[name] = Verdict(trouble="the scan failed" if match["why"] else "")
        elif name and (match := _ISSUE.match(line)) and match["what"] != _ELSEWHERE:
            issue = f"{match['what']}: {match['why']}"
            found[name] = Verdict((*found[name].issues, issue))
    return found
