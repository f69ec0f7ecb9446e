"""`make bench-agent`: what the auth agent costs, against its goals.

    python -m benchmarks.agent [--quick|--long] [PART ...]

Nothing is asserted but that every request is answered as it should be. Needs wrk,
h2load and caddy (`.ci/setup bench`), two cores, and quiet: the load average before
the first run is printed.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from benchmarks import agent_audit, agent_servers, agent_state, agent_verify
from benchmarks import agent_load as load
from benchmarks.agent_figures import Figures
from benchmarks.agent_state import Filled, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL: Final = Size(1_000, 1_000)
USUAL: Final = Size(50_000, 50_000)
LARGE: Final = Size(100_000, 50_000)

LONG_REQUESTS: Final = 1_000_000
SHORT_REQUESTS: Final = 100_000


class Bench:
    """The parts; each makes what it needs and leaves nothing."""

    def __init__(self, figures: Figures, *, rounds: int, requests: int) -> None:
        self.figures = figures
        self._rounds = rounds
        self._requests = requests

    def verify(self) -> None:
        """Rates and latencies at 50,000 sessions; memory before and after."""
        with _filled(USUAL) as (path, port, filled):
            with agent_servers.start_agent(path, port) as agent:
                self._started(agent, USUAL, "< 150 MB")
                agent_verify.direct(
                    self.figures, agent, filled, rounds=self._rounds, size="50,000"
                )
                self._grown(agent, filled)
                agent_verify.through_caddy(
                    self.figures, path.parent, agent, filled, rounds=self._rounds
                )
            agent_verify.beside_logins(self.figures, path, port, filled)

    def small(self) -> None:
        """Memory and start at 1,000 sessions."""
        with (
            _filled(SMALL) as (path, port, filled),
            agent_servers.start_agent(path, port) as agent,
        ):
            self._started(agent, SMALL, "< 80 MB")
            self._grown(agent, filled)

    def large(self) -> None:
        """The same rates with 100,000 accounts."""
        with (
            _filled(LARGE) as (path, port, filled),
            agent_servers.start_agent(path, port) as agent,
        ):
            self._started(agent, LARGE, "< 150 MB")
            agent_verify.direct(
                self.figures,
                agent,
                filled,
                rounds=self._rounds,
                size="50,000, 100,000 accounts",
            )

    def audit(self) -> None:
        """Durable events, and lines verified; on the disk of this folder."""
        with tempfile.TemporaryDirectory(dir=".keepgate", prefix="bench-") as name:
            agent_audit.measure(self.figures, Path(name))

    def _started(self, agent: agent_servers.Running, size: Size, goal: str) -> None:
        what = f"{size.sessions:,} sessions"
        seconds = f"{agent.seconds_to_start:.2f} s ({agent.cpu():.2f} s of CPU)"
        self.figures.add(f"start, {what}", seconds, "< 1 s (empty)")
        self.figures.add(f"PSS at start, {what}", f"{agent.pss():.0f} MB", goal)

    def _grown(self, agent: agent_servers.Running, filled: Filled) -> None:
        """Say how much memory so many requests leave behind."""
        lines = load.cookies(filled.cookies)
        load.rush(agent.port, lines, seconds=2)
        before, left = agent.pss(), self._requests
        while left > 0:
            left -= load.rush(agent.port, lines, seconds=5).requests
        after = agent.pss()
        self.figures.add(
            f"PSS after {self._requests:,} more requests",
            f"{after:.1f} MB ({after - before:+.1f})",
            "no growth",
        )


@contextmanager
def _filled(size: Size) -> Iterator[tuple[Path, int, Filled]]:
    """Give the configuration, port and keys of a state of *size*."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        port = agent_servers.free_port()
        path = agent_state.prepare(Path(name), f"127.0.0.1:{port}")
        yield path, port, agent_state.fill(path, size)


def main() -> None:
    """Measure and print; what was taken is printed even if something fails."""
    parser = argparse.ArgumentParser("benchmarks.agent", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 15")
    parser.add_argument("--long", action="store_true", help="a million requests")
    parser.add_argument("parts", nargs="*", metavar="PART")
    args = parser.parse_args()
    figures = Figures(Console(highlight=False))
    bench = Bench(
        figures,
        rounds=3 if args.quick else 15,
        requests=LONG_REQUESTS if args.long else SHORT_REQUESTS,
    )
    parts: dict[str, Callable[[], None]] = {
        "small": bench.small,
        "verify": bench.verify,
        "large": bench.large,
        "audit": bench.audit,
    }
    unknown = set(args.parts) - set(parts)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {list(parts)}")
    try:
        for name, part in parts.items():
            if not args.parts or name in args.parts:
                part()
    finally:
        figures.show()


if __name__ == "__main__":
    main()
