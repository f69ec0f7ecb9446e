"""The processes that are measured: the agent, its stub, and Caddy before them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from auth_agent.sessions.model import HEADER_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER_CORE: Final = "0"
LOAD_CORE: Final = "1"
START_LIMIT: Final = 60.0

CADDYFILE: Final = """\
{{
    admin off
    auto_https off
    servers {{
        trusted_proxies static private_ranges
    }}
}}
http://:{port} {{
    bind 127.0.0.1
    {gate}
    respond "ok"
}}
"""
GATE: Final = """forward_auth 127.0.0.1:{upstream} {{
        uri /verify
        header_up X-Forwarded-Proto https
        header_up X-Forwarded-Host {site}
        copy_headers {headers}
    }}"""


@dataclass
class Running:
    """A process that serves on a loopback port."""

    process: subprocess.Popen[bytes]
    port: int
    seconds_to_start: float

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """Return the seconds of CPU that its threads have used (proc(5), schedstat)."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text("ascii").split()[0])
            except OSError:  # the thread has ended
                continue
        return total / 1e9

    def pss(self) -> float:
        """Return its proportional set size in MB (proc(5)); it is one process."""
        path = Path(f"/proc/{self.process.pid}/smaps_rollup")
        found = re.search(r"(?m)^Pss:\s+(\d+) kB$", path.read_text(encoding="ascii"))
        return int(found[1]) * 1024 / 1e6 if found else 0.0


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def start_agent(path: Path, port: int, *, cores: str = SERVER_CORE) -> Running:
    """Start the agent on the configuration at *path*, on *cores*."""
    words = ("-m", "auth_agent", "serve", "--config", str(path))
    with (path.parent / "log").open("ab") as log:
        return _started(
            [sys.executable, *words], port, cores=cores, output=log.fileno()
        )


def start_stub(port: int, *, reads: bool = False, cores: str = SERVER_CORE) -> Running:
    """Start the server that answers a constant 200 with an identity's headers.

    *reads*: it asks for the headers that a check must see, too.
    """
    values = (
        ("remote-user", "user12345"),
        ("remote-id", "a" * 26),
        ("remote-name", "User Number 12345"),
        ("remote-email", "user12345@example.com"),
        ("remote-role", "viewer"),
        ("remote-permissions", "app.view,data.query,files.view,health.view"),
        ("remote-auth", "password"),
        ("remote-session", "0" * 12),
    )
    more = ("reads",) if reads else ()
    words = ("-m", "benchmarks.agent_stub", f"127.0.0.1:{port}", *more)
    given = json.dumps(values).encode()
    return _started([sys.executable, *words], port, cores=cores, given=given)


def start_caddy(
    folder: Path, upstream: int | None, site: str, *, cores: str = SERVER_CORE
) -> Running:
    """Start Caddy, an answer of its own behind `forward_auth` to *upstream*.

    No *upstream*: the same without a gate.
    """
    port, gate = free_port(), ""
    if upstream is not None:
        names = " ".join(HEADER_NAMES)
        gate = GATE.format(upstream=upstream, site=site, headers=names)
    path = folder / f"Caddyfile.{port}"
    path.write_text(CADDYFILE.format(port=port, gate=gate), encoding="utf-8")
    words = ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)]
    with (folder / "caddy.log").open("ab") as log:
        return _started(words, port, cores=cores, output=log.fileno())


def _started(
    words: Sequence[str],
    port: int,
    *,
    cores: str,
    given: bytes = b"",
    output: int = subprocess.DEVNULL,
) -> Running:
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own commands
        ["taskset", "--cpu-list", cores, *words],  # noqa: S607 - util-linux
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        env=os.environ | {"XDG_DATA_HOME": "/nonexistent", "GOMAXPROCS": "1"},
    )
    if process.stdin is not None:
        process.stdin.write(given)
        process.stdin.close()
    while not _answers(port):
        if process.poll() is not None or time.monotonic() - began > START_LIMIT:
            process.kill()
            message = f"{' '.join(words)} does not serve"
            raise RuntimeError(message)
        time.sleep(0.005)
    return Running(process, port, time.monotonic() - began)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
