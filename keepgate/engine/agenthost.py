"""What runs on a host for `keepgate agent`: its source is sent there, as root.

It asks the agent by its own command, and looks at the audit log by itself: whoever
owns the agent's account can have the agent say anything, but cannot bring back a line
that hashes to what was noted elsewhere. Python 3.11 and nothing but its library.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

_DEFAULT = "/var/lib/auth-agent/audit"  # where the agent keeps it if not told
_SEGMENT = re.compile(r"([0-9]{6,})\.jsonl")
_HEAD = re.compile(rb'\{"v":1,"seq":([1-9][0-9]{0,18}),"prev":"([0-9a-f]{64})","id":"')
_END = re.compile(rb',"mac":"[0-9a-f]{64}"\}\n\Z')
_LONGEST = 1 << 20
"""Bytes of a line; the agent's own are far shorter."""

_CUT = b'"event":"system.audit_retention_cut"'
_MOST = 4 << 20
"""Bytes that are passed on of what the agent's command says."""


class BrokenLogError(Exception):
    """The log is not the one that was seen before, or does not hang together."""


def main(question: str) -> None:
    """Answer *question*, a JSON text, with one JSON document."""
    asked = json.loads(question)
    answer: dict[str, Any] = {"state": state(asked["unit"], asked["command"])}
    if answer["state"] == "up" and asked["words"]:
        answer |= run([asked["command"], *asked["words"]], asked["seconds"])
    if answer["state"] != "absent":
        answer["log"] = log(Path(asked["config"]), asked["pin"])
    sys.stdout.write(json.dumps(answer))


def state(unit: str, command: str) -> str:
    """Say whether the agent is `up`, `down`, or `absent`."""
    if not os.access(command, os.X_OK):
        return "absent"
    shown = subprocess.run(  # noqa: S603 - fixed words
        ["/usr/bin/systemctl", "is-active", "--quiet", unit], check=False
    )
    return "down" if shown.returncode else "up"


def run(command: list[str], seconds: float) -> dict[str, Any]:
    """Run the agent's *command*; say how it ended and what it wrote."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell between
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return {"status": None, "out": "", "err": ""}
    out, err = (
        text[:_MOST].decode("utf-8", "replace") for text in (done.stdout, done.stderr)
    )
    return {"status": done.returncode, "out": out, "err": err}


def log(config: Path, pin: dict[str, Any] | None) -> dict[str, Any]:
    """Say where the log ends, and what is wrong with it, empty if it holds *pin*.

    `end` is None where there is no whole line. What it names is on the disk: a host
    that loses its power does not look like one whose log was cut.
    """
    try:
        return Log(folder_of(config)).look(pin)
    except (OSError, ValueError) as error:
        return {"end": None, "wrong": f"the audit log cannot be read: {error}"}


def folder_of(config: Path) -> Path:
    """Return the folder of the audit log that the file *config* names."""
    server = tomllib.loads(config.read_text(encoding="utf-8")).get("server", {})
    return Path(server.get("audit") or _DEFAULT)


class Log:
    """The segments in *folder*, which belong to somebody whom we do not trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._end: dict[str, Any] | None = None
        self._seen = False
        self._first: tuple[int, bytes] | None = None
        self._announced: set[tuple[int, str]] = set()

    def look(self, pin: dict[str, Any] | None) -> dict[str, Any]:
        """Walk from the pinned segment, or the last one, to the end."""
        numbers = self._numbers()
        start = pin["segment"] if pin else max(numbers, default=0)
        try:
            for number in numbers:
                if number >= start:
                    self._walk(number, pin)
            if pin and not self._seen:
                self._miss(pin)
        except BrokenLogError as error:
            return {"end": self._end, "wrong": str(error)}
        if self._end is None and len(numbers) > 1 and not pin:  # it has just rotated
            self._walk(numbers[-2], None)
        return {"end": self._end, "wrong": ""}

    def _numbers(self) -> list[int]:
        found = [_SEGMENT.fullmatch(path.name) for path in self._folder.iterdir()]
        return sorted(int(match[1]) for match in found if match)

    def _walk(self, number: int, pin: dict[str, Any] | None) -> None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        path = self._folder / f"{number:06d}.jsonl"
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                message = f"segment {number} is no file"
                raise BrokenLogError(message)
            while line := file.readline(_LONGEST):
                # What is not whole was torn by a crash, or is being written.
                if (head := _HEAD.match(line)) and _END.search(line):
                    self._take(number, line, head, pin)
            with suppress(OSError):  # a file system for reading only
                os.fsync(file.fileno())

    def _take(
        self,
        number: int,
        line: bytes,
        head: re.Match[bytes],
        pin: dict[str, Any] | None,
    ) -> None:
        seq, prev = int(head[1]), head[2].decode()
        if self._end is None:
            self._first = (seq, head[2])
        elif (seq, prev) != (self._end["seq"] + 1, self._end["hash"]):
            message = f"record {seq} does not follow record {self._end['seq']}"
            raise BrokenLogError(message)
        digest = hashlib.sha256(line[:-1]).hexdigest()
        self._end = {"segment": number, "seq": seq, "hash": digest}
        if pin and seq == pin["seq"]:
            self._seen = True
            if digest != pin["hash"]:
                message = f"record {seq} is not the one that was seen here before"
                raise BrokenLogError(message)
        if _CUT in line:
            details = json.loads(line)["details"]
            self._announced.add((details.get("first_seq"), details.get("prev")))

    def _miss(self, pin: dict[str, Any]) -> None:
        """Tell why the pinned record is not there, unless it was retired."""
        if self._end is None:
            message = f"it is gone; record {pin['seq']} was seen here before"
            raise BrokenLogError(message)
        if self._end["seq"] < pin["seq"]:
            message = (
                f"it ends at record {self._end['seq']}, before record {pin['seq']}"
                " that was seen here"
            )
            raise BrokenLogError(message)
        seq, prev = self._first or (0, b"")
        if seq <= pin["seq"] or (seq, prev.decode()) not in self._announced:
            message = (
                f"record {pin['seq']} that was seen here is gone, and no record says"
                " that it was retired"
            )
            raise BrokenLogError(message)
