"""Without the agent nothing passes; with it, all goes on as before."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.agent.caddy.front import NAVIGATE, Front, marker, shown
from tests.agent.web.browser import LOGIN_HOST, SITE, Agent, Member

PATHS = ["/", "/open", "/open/../", "/_auth/session", "/_auth/../", "/socket"]


def _workers(agent: Agent) -> list[int]:
    """Return the process ids below the agent's own: the server's workers."""
    pid = agent.process.pid
    return [
        int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


def _kill(agent: Agent) -> None:
    """Kill all of it without a word, as the kernel does when memory is short."""
    workers = _workers(agent)
    agent.process.kill()
    agent.process.wait(20)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    limit = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/fd").is_dir() and _alive(pid) for pid in workers):
        assert time.monotonic() < limit
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _nothing_passes(front: Front, member: Member) -> None:
    """Assert that neither strangers nor members get to the app."""
    for browser in (front.browser(), member.browser):
        for path in PATHS:
            for headers in (NAVIGATE, {"Remote-User": "ada"}):
                mark = marker()
                sent = {**headers, "X-Marker": mark}
                page = browser.ask("GET", SITE, path, headers=sent)

                assert page.status == 502
                assert front.echo.of(mark) == []
    assert front.browser().get("/login", LOGIN_HOST).status == 502


def test_a_killed_agent_lets_nobody_pass(front: Front, admin: Member) -> None:
    """502 for everything; started again, the same cookie opens the same pages."""
    _kill(front.agent)
    try:
        assert front.agent.gate.exists()
        _nothing_passes(front, admin)
    finally:
        _start(front)

    assert shown(admin.browser.ask("GET", SITE, "/")).value("remote-user") == "ada"


def test_a_stopped_agent_lets_nobody_pass(front: Front, admin: Member) -> None:
    """As systemd stops it: its socket is gone, too."""
    front.agent.stop()
    try:
        _nothing_passes(front, admin)
    finally:
        _start(front)

    assert shown(admin.browser.ask("GET", SITE, "/")).value("remote-user") == "ada"


def test_a_lost_socket_lets_no_stranger_pass(front: Front, admin: Member) -> None:
    """The proxy may still have open ways to the agent: it is asked, or nobody is."""
    front.agent.gate.unlink()
    try:
        for path in ("/", "/socket", "/_auth/../"):
            mark = marker()
            headers = {"X-Marker": mark, "Remote-User": "ada"}

            page = front.browser().ask("GET", SITE, path, headers=headers)

            assert page.status in {400, 401, 502}
            assert front.echo.of(mark) == []
    finally:
        front.agent.stop()
        _start(front)

    assert shown(admin.browser.ask("GET", SITE, "/")).value("remote-user") == "ada"


def _start(front: Front) -> None:
    front.agent.process = Agent.spawn(front.agent.folder)
    front.agent.wait()
