"""testssl.sh's word on the sites: versions of TLS, and the known attacks on it.

A program of its own (GPL), run where it is installed. It takes a while, so it is asked
only by who wants it.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LIMIT: Final = 400.0
"""Seconds for the scan of one site, on an emulated machine too."""

AT_ONCE: Final = 4

# BREACH is a question to the app, which decides what it compresses; certificates are
# judged by other controls.
_SECTIONS: Final = (
    *("-p", "-H", "-I", "-T", "-BB", "-R", "-C", "-O", "-Z", "-W"),
    *("-A", "-L", "-F", "-J", "-D", "-4"),
)
ASKED: Final = frozenset(
    {
        *("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"),
        *("heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_client_renego"),
        *("CRIME_TLS", "POODLE_SSL", "fallback_SCSV", "SWEET32", "FREAK", "DROWN"),
        *("LOGJAM", "BEAST", "LUCKY13", "RC4"),
    }
)
"""What it must have had a word on."""

_FAULTS: Final = frozenset({"LOW", "MEDIUM", "HIGH", "CRITICAL"})


@dataclass(frozen=True)
class Verdict:
    """What testssl.sh holds against one site; *trouble* says why it could not look.

    *open* is what it looked at and could not tell.
    """

    issues: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def text(self) -> str:
        """All that speaks against the site in words; empty where there is nothing."""
        return "; ".join((*self.issues, *([self.trouble] if self.trouble else [])))


def program() -> str | None:
    """Return the program's path, None where it is not installed."""
    return shutil.which("testssl.sh") or shutil.which("testssl")


def judge(
    command: str, address: str, names: Sequence[str], port: int = 443
) -> dict[str, Verdict]:
    """Return what testssl.sh, called as *command*, says of each of *names*."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="testssl") as pool:
        one = partial(_scan, command, address, port)
        return dict(zip(names, pool.map(one, names), strict=True))


def _scan(command: str, address: str, port: int, name: str) -> Verdict:
    with TemporaryDirectory(prefix="keepgate-testssl-") as folder:
        written = Path(folder) / "found.json"
        try:
            where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][4][0]
            subprocess.run(
                [
                    *(command, "--quiet", "--color", "0", "--warnings", "off"),
                    *("--nodns", "none", "--sneaky", "--ip", str(where)),
                    *("--connect-timeout", "15", "--openssl-timeout", "15"),
                    *(("-6",) if ":" in str(where) else ()),
                    *("--jsonfile", str(written), *_SECTIONS, f"{name}:{port}"),
                ],
                capture_output=True,
                check=False,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                timeout=LIMIT,
            )
            return read(json.loads(written.read_text(encoding="utf-8")))
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return Verdict(trouble=f"testssl.sh came to no end: {error}")


def read(findings: Iterable[dict[str, Any]]) -> Verdict:
    """Return the verdict in what testssl.sh writes; silence on something is none."""
    told = {one["id"]: one for one in findings}
    silent = sorted(ASKED - told.keys())
    issues = [
        f"{name}: {one['finding']}"
        for name, one in told.items()
        if one["severity"] in _FAULTS
    ]
    unsure = [name for name in ASKED & told.keys() if told[name]["severity"] == "WARN"]
    trouble = f"testssl.sh says nothing of {', '.join(silent)}" if silent else ""
    if fatal := [one for one in told.values() if one["severity"] == "FATAL"]:
        trouble = f"testssl.sh gave up: {fatal[0]['finding']}"
    return Verdict(tuple(issues), tuple(sorted(unsure)), trouble)
