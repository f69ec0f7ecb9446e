"""Metrics and health on a socket of their own: no page, no login, no secret."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from auth_agent import __version__
from auth_agent.web.actions.base import Runtime

_LIMIT = 8192
_SECONDS = 5
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE")


def metrics_text(runtime: Runtime) -> str:
    """Return all counters in Prometheus' text format."""
    lines = [
        "# TYPE auth_agent_info gauge",
        f'auth_agent_info{{version="{__version__}"}} 1',
        "# TYPE auth_agent_verify_total counter",
    ]
    lines += [
        f'auth_agent_verify_total{{status="{status}"}} {number}'
        for status, number in sorted(runtime.gate.counts.items())
    ]
    counters = runtime.services.metrics.snapshot()
    last = ""
    for (name, labels), number in sorted(counters.items()):
        full = f"auth_agent_{name.replace('.', '_').removesuffix('_total')}_total"
        if full != last:
            lines.append(f"# TYPE {full} counter")
            last = full
        lines.append(f"{full}{_labels(dict(labels))} {number}")
    sessions = len(runtime.services.sessions.by_hash)
    lines += [
        "# TYPE auth_agent_site_sessions gauge",
        f"auth_agent_site_sessions {sessions}",
        "# TYPE auth_agent_healthy gauge",
        f"auth_agent_healthy {int(runtime.services.system.healthy)}",
        "# TYPE process_resident_memory_bytes gauge",
        f"process_resident_memory_bytes {_resident()}",
    ]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escape(text)}"' for name, text in labels.items())
    return f"{{{inner}}}" if inner else ""


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE_KIB


class Monitor:
    """Answers `GET /metrics` and `GET /health`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request and close."""
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head[:_LIMIT].split(b"\r\n")[0].decode()))
                await writer.drain()
        except (
            TimeoutError,
            OSError,
            UnicodeDecodeError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass
        finally:
            writer.close()

    def _answer(self, line: str) -> bytes:
        pages: dict[str, Callable[[], tuple[str, str]]] = {
            "/metrics": lambda: ("200 OK", metrics_text(self._runtime)),
            "/health": self._health,
        }
        words = line.split(" ")
        page = pages.get(words[1]) if len(words) > 1 and words[0] == "GET" else None
        status, body = page() if page else ("404 Not Found", "not found\n")
        data = body.encode()
        return (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\n"
            f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        ).encode() + data

    def _health(self) -> tuple[str, str]:
        if self._runtime.services.system.healthy:
            return "200 OK", "healthy\n"
        return "503 Service Unavailable", "no change can be made\n"
