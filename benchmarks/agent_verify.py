"""`/verify`: its rate against a constant 200 of the same server, and its latencies.

The rounds of what is compared take turns, so that a noisy neighbour meets all of
them. Rates are compared by the CPU time of a request in the server: on its one core
that is the same as by requests a second, and depends far less on what else runs.
"""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks import agent_load as load
from benchmarks import agent_logins, agent_servers
from benchmarks.agent_servers import Running
from benchmarks.agent_state import SITE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.agent_figures import Figures
    from benchmarks.agent_state import Filled

SECONDS: Final = 1.0
PACED_SECONDS: Final = 10.0
PATH: Final = "/articles/2026/forward-auth?page=2"
"""What is asked for through Caddy."""


@dataclass
class Lane:
    """Something to compare, and what its rounds gave."""

    name: str
    running: Running
    lines: Sequence[str]
    path: str = "/verify"
    micros: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def round(self) -> None:
        """Run one round.

        Raises:
            RuntimeError: some requests were refused.
        """
        before = self.running.cpu()
        seen = load.rush(self.running.port, self.lines, seconds=SECONDS, path=self.path)
        if seen.refused:
            message = f"{self.name}: {seen.refused} of {seen.requests} were refused"
            raise RuntimeError(message)
        self.micros.append((self.running.cpu() - before) / seen.requests * 1e6)
        self.rates.append(seen.per_second)

    @property
    def rate(self) -> float:
        """The median rate."""
        return statistics.median(self.rates)

    def text(self) -> str:
        """What the rounds gave, in one line."""
        return (
            f"{self.name}: {self.rate:,.0f}/s ({min(self.rates):,.0f} to "
            f"{max(self.rates):,.0f}), {statistics.median(self.micros):.1f} us of CPU"
        )


def compare(lanes: Sequence[Lane], rounds: int) -> None:
    """Run *rounds* rounds of each lane, taking turns."""
    for _ in range(rounds):
        for lane in lanes:
            lane.round()


def ratio(lane: Lane, base: Lane) -> str:
    """Return the median over the rounds of *lane*'s speed in parts of *base*'s."""
    by_cpu = [b / a for a, b in zip(lane.micros, base.micros, strict=True)]
    by_rate = [a / b for a, b in zip(lane.rates, base.rates, strict=True)]
    return (
        f"{statistics.median(by_cpu):.0%} by CPU time, "
        f"{statistics.median(by_rate):.0%} by rate"
    )


def direct(
    figures: Figures, agent: Running, filled: Filled, *, rounds: int, size: str
) -> None:
    """Compare the agent with its stub; one core each for server and load."""
    cookies, keys = load.cookies(filled.cookies), load.keys(filled.keys)
    with (
        agent_servers.start_stub(agent_servers.free_port()) as constant,
        agent_servers.start_stub(agent_servers.free_port(), reads=True) as reading,
    ):
        stub = Lane("constant 200", constant, cookies)
        read = Lane("constant 200, headers read", reading, cookies)
        one = Lane("one cookie", agent, cookies[:1])
        many = Lane("1,000 cookies", agent, cookies)
        key = Lane("1,000 keys", agent, keys)
        compare((stub, read, one, many, key), rounds)
    for lane in (stub, read, one, many, key):
        figures.say(lane.text())
    figures.add(f"verify, one cookie of {size}", ratio(one, stub), ">= 95 %")
    figures.add("the same, against headers read", ratio(one, read))
    figures.add(f"verify, 1,000 cookies of {size}", ratio(many, stub))
    figures.add("verify by API key", ratio(key, many), ">= 80 % of a cookie")
    half = many.rate / 2
    paced = load.pace(
        f"{agent.url}/verify", cookies[0], rate=half, seconds=PACED_SECONDS
    )
    figures.add(f"verify at half load ({half:,.0f}/s)", _latency(paced), "p99 < 10 ms")


def beside_logins(figures: Figures, path: Path, port: int, filled: Filled) -> None:
    """Measure latencies while logins queue for argon2, on whatever core is free."""
    every = f"{agent_servers.SERVER_CORE},{agent_servers.LOAD_CORE}"
    with agent_servers.start_agent(path, port, cores=every) as agent:
        logins = agent_logins.Logins(agent.port, filled.names)
        worker = threading.Thread(target=logins.run)
        worker.start()
        line = load.cookies(filled.cookies)[0]
        paced = load.pace(
            f"{agent.url}/verify", line, rate=5_000, seconds=PACED_SECONDS
        )
        logins.stop()
        worker.join()
    figures.add(
        f"verify at 5,000/s beside {logins.rate:.0f} logins/s",
        _latency(paced),
        "p99 < 20 ms",
    )
    figures.say(f"logins: {logins.text()}")


def through_caddy(
    figures: Figures, folder: Path, agent: Running, filled: Filled, *, rounds: int
) -> None:
    """Compare a gate that asks the agent with one that asks the stub, and with none.

    Caddy and what it asks share one core. Caddy adds the forwarded headers itself.
    Latencies are taken at the same rate, half of what goes through the agent's gate.
    """
    cookies = load.cookies(filled.cookies)
    with (
        agent_servers.start_stub(agent_servers.free_port()) as stub,
        agent_servers.start_caddy(folder, None, SITE) as open_to_all,
        agent_servers.start_caddy(folder, stub.port, SITE) as before_stub,
        agent_servers.start_caddy(folder, agent.port, SITE) as before_agent,
    ):
        free = Lane("Caddy without a gate", open_to_all, cookies, PATH)
        base = Lane("Caddy, gate to the stub", before_stub, cookies, PATH)
        one = Lane("Caddy, gate to the agent", before_agent, cookies[:1], PATH)
        lane = Lane("the same, 1,000 cookies", before_agent, cookies, PATH)
        compare((free, base, one, lane), rounds)
        half = lane.rate / 2
        # h2load names a host of its own, and Caddy refuses two.
        browser = {name: load.BROWSER[name] for name in load.BROWSER if name != "Host"}
        for each in (free, base, one, lane):
            paced = load.pace(
                each.running.url + PATH,
                cookies[0],
                rate=half,
                seconds=PACED_SECONDS,
                headers=browser,
            )
            figures.add(each.name, f"{each.rate:,.0f}/s; {_latency(paced)}")
    for each, goal in ((one, ">= 95 %"), (lane, "")):
        by_rate = [a / b for a, b in zip(each.rates, base.rates, strict=True)]
        figures.add(
            f"{each.name}, against the stub",
            f"{statistics.median(by_rate):.0%} by rate",
            goal,
        )


def _latency(paced: load.Pace) -> str:
    text = f"p50 {paced.p50:.2f} ms, p99 {paced.p99:.2f} ms, worst {paced.worst:.1f} ms"
    if paced.refused:
        text += f", {paced.refused} REFUSED"
    return f"{text} at {paced.per_second:,.0f}/s"
