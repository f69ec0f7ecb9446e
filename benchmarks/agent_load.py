"""Load: as much as goes (wrk), or so many requests a second (h2load).

Both are in Debian. They are written in C; a generator in Python would be slower
than what it measures.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.agent_servers import LOAD_CORE
from benchmarks.agent_state import SITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONNECTIONS: Final = 32

BROWSER: Final = {
    "Host": SITE,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}
"""What a browser sends; `forward_auth` hands all of it on."""

FORWARDED: Final = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Host": SITE,
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Uri": "/articles/2026/forward-auth?page=2",
}
"""What `forward_auth` adds."""

_SCRIPT: Final = """\
local requests, at = {}, 0
function init(args)
  for line in io.lines(args[1]) do
    local name, value = line:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
    requests[#requests + 1] = wrk.format("GET", wrk.path)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""


@dataclass(frozen=True)
class Rush:
    """What wrk saw; latencies in milliseconds, at saturation."""

    requests: int
    per_second: float
    refused: int
    p50: float
    p99: float


@dataclass(frozen=True)
class Pace:
    """What h2load saw at a given rate; latencies in milliseconds."""

    requests: int
    per_second: float
    refused: int
    p50: float
    p99: float
    worst: float


def cookies(tokens: Sequence[str]) -> list[str]:
    """Return the header lines that open a site with each of *tokens*."""
    return [f"Cookie: theme=dark; __Host-auth-site={token}" for token in tokens]


def keys(texts: Sequence[str]) -> list[str]:
    """Return the header lines that open a site with each key."""
    return [f"Authorization: Bearer {text}" for text in texts]


def rush(
    port: int,
    lines: Sequence[str],
    *,
    seconds: float,
    path: str = "/verify",
    headers: Mapping[str, str] = BROWSER | FORWARDED,
) -> Rush:
    """Send as much as goes over 32 connections, each request with the next line."""
    with tempfile.TemporaryDirectory() as name:
        script, given = Path(name, "wrk.lua"), Path(name, "lines")
        script.write_text(_SCRIPT, encoding="ascii")
        given.write_text("\n".join(lines) + "\n", encoding="ascii")
        words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--latency"]
        for header, value in headers.items():
            words += ["-H", f"{header}: {value}"]
        words += ["-s", str(script), f"http://127.0.0.1:{port}{path}", "--", str(given)]
        said = _run(words)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Rush(
        int(_found(r"(\d+) requests in", said)),
        float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        int(refused[1]) if refused else 0,
        _milliseconds(_found(r"(?m)^ +50%\s+(\S+)$", said)),
        _milliseconds(_found(r"(?m)^ +99%\s+(\S+)$", said)),
    )


def pace(
    url: str,
    line: str,
    *,
    rate: float,
    seconds: float,
    headers: Mapping[str, str] = BROWSER | FORWARDED,
) -> Pace:
    """Ask for *url* at *rate* requests a second over 32 connections."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name, "log")
        words = ["h2load", "--h1", "-t1", f"-c{CONNECTIONS}", f"-D{seconds:.0f}"]
        words += [f"--rps={rate / CONNECTIONS:.2f}", f"--log-file={log}"]
        for header, value in headers.items():
            words += ["-H", f"{header}: {value}"]
        words += ["-H", line, url]
        _run(words)
        rows = [row.split() for row in log.read_text(encoding="ascii").splitlines()]
    took = sorted(int(row[2]) / 1000 for row in rows)
    refused = sum(row[1] != "200" for row in rows)
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return Pace(len(took), len(took) / seconds, refused, cuts[49], cuts[98], took[-1])


def _run(words: Sequence[str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own words
        ["taskset", "--cpu-list", LOAD_CORE, *words],  # noqa: S607 - util-linux
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"{words[0]} failed: {done.stdout[-500:]} {done.stderr[-500:]}"
        raise RuntimeError(message)
    return done.stdout


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        message = f"no {pattern!r} in: {text[-500:]}"
        raise RuntimeError(message)
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = float(text.rstrip("ums")), text.lstrip("0123456789.")
    return number * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
