"""The example app: shows who is there, trusts nothing, and needs next to nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import pytest

from tests.agent.caddy.front import CADDIES, Tls
from tests.agent.caddy.proxy import Proxy, documented
from tests.agent.examples.guide import ROOT
from tests.agent.examples.street import WHOAMI, Street, visit
from tests.agent.guides.reading import missing, steps
from tests.agent.tools import listens, needed
from tests.agent.web.browser import SITE, Browser, Page, Socket

FOLDER = WHOAMI.parent
LIMIT = 30.0


@contextmanager
def _running(
    command: list[str], ready: Path, *, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* until the end of the block; enter it once *ready* answers."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            limit = time.monotonic() + LIMIT
            while not listens(ready):
                log.seek(0)
                assert process.poll() is None, log.read()
                assert time.monotonic() < limit
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
            process.wait(20)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a short name: a socket's may have 107 characters."""
    made = Path(tempfile.mkdtemp(prefix="who-"))
    yield made
    rmtree(made)


@pytest.fixture
def alone(folder: Path) -> Iterator[Socket]:
    """Return the way to the app without a gate before it."""
    path = folder / "app.sock"
    with _running([sys.executable, "-I", str(WHOAMI), str(path)], path):
        yield Socket(path)


def _ask(way: Socket, headers: Mapping[str, str], method: str = "GET") -> Page:
    return way(method, "/", headers, "")


def test_it_shows_the_identity_that_it_was_given(
    street: Street, admin: Browser
) -> None:
    """As a page, and as JSON on request."""
    page = visit(admin, SITE)
    wanted = {"Accept": "application/json"}
    who = admin.ask("GET", SITE, "/", headers=wanted).json

    assert "signed in as ada" in page.text
    assert "<li>app.admin</li>" in page.text
    assert 'href="/_auth/logout">Sign out' in page.text
    assert "ada" == who["user"]
    assert "Ada" == who["name"]
    assert "admin" == who["role"]
    assert "app.admin" in str(who["permissions"]).split(",")
    nobody = street.browser().ask("GET", SITE, "/open", headers=wanted).json
    assert {""} == set(nobody.values())


def test_nobody_is_asked_to_sign_in(alone: Socket) -> None:
    """Without an identity the page says so, and leads to the start page."""
    page = _ask(alone, {})

    assert 200 == page.status
    assert "not signed in" in page.text
    assert 'href="/">Sign in' in page.text


def test_nothing_it_is_told_is_taken_for_html(alone: Socket) -> None:
    """Names are chosen by people; decoded, they may be anything."""
    evil = "%3Cscript%3Ealert(1)%3C/script%3E$user"
    headers = {"Remote-User": "x<b>", "Remote-Name": evil, "Remote-Permissions": "<i>"}
    page = _ask(alone, headers)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;$user" in page.text
    assert not re.search("<script|<b>|<i>", page.text)
    assert "default-src 'none'" in page.header("content-security-policy")
    who = json.loads(_ask(alone, {**headers, "Accept": "application/json"}).text)
    assert "<script>alert(1)</script>$user" == who["name"]


def test_a_name_is_decoded_once(alone: Socket) -> None:
    """What somebody called themselves is shown, whatever it looks like."""
    headers = {"Remote-Name": "50%25 %2541%C3%AB", "Accept": "application/json"}

    assert "50% %41ë" == json.loads(_ask(alone, headers).text)["name"]


def test_it_answers_reading_methods_alone(alone: Socket) -> None:
    """A HEAD without a body, anything else with an error."""
    head = _ask(alone, {"Remote-User": "ada"}, "HEAD")

    assert (200, "") == (head.status, head.text)
    assert 501 == _ask(alone, {}, "POST").status


def test_its_own_socket_is_closed_to_others(alone: Socket) -> None:
    """Whoever reaches it could claim to be anybody."""
    assert 0o770 == alone.path.stat().st_mode & 0o777


def test_it_serves_the_socket_that_systemd_opens(folder: Path) -> None:
    """As its unit has it (sd_listen_fds(3))."""
    path = folder / "app.sock"
    activate = needed("systemd-socket-activate")
    with _running([activate, "-l", str(path), sys.executable, str(WHOAMI)], path):
        who = Socket(path)("GET", "/", {"Remote-User": "ada"}, "")

    assert "signed in as ada" in who.text


def test_it_says_how_it_is_started() -> None:
    """Without an argument and without a socket there is nothing to serve."""
    done = subprocess.run(
        [sys.executable, str(WHOAMI)], capture_output=True, text=True, check=False
    )

    assert 1 == done.returncode
    assert "usage: whoami.py SOCKET|PORT" in done.stderr


def test_its_units_are_what_systemd_takes_for_safe() -> None:
    """No warning, and an exposure of at most 1.0 (of 10)."""
    analyze = needed("systemd-analyze")
    unit = str(FOLDER / "systemd" / "whoami.service")
    verdict = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=10", unit],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == verdict.returncode, verdict.stdout + verdict.stderr
    assert "unknown" not in verdict.stderr.lower(), verdict.stderr


def test_its_socket_is_for_the_proxy_alone() -> None:
    """The settings that the guide's advice comes down to."""
    text = (FOLDER / "systemd" / "whoami.socket").read_text()

    for line in ("SocketUser=root", "SocketGroup=caddy", "SocketMode=0660"):
        assert line in text.splitlines()


def test_its_caddyfile_is_the_agents() -> None:
    """On other names and sockets, and nothing else."""
    text = (FOLDER / "Caddyfile").read_text()
    shown = documented()
    for before, after in (
        ("example.com", "localhost"),
        ("/run/auth-agent/gate/agent.sock", "{$TRY}/agent.sock"),
        ("localhost:8000", "unix/{$TRY}/whoami.sock"),
    ):
        shown = shown.replace(before, after)

    assert shown == re.sub("^#.*\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("caddy", CADDIES)
def test_the_steps_of_its_readme_work(folder: Path, caddy: str) -> None:
    """Alone, then behind a gate of one's own: public for nobody, the rest not."""
    (folder / "examples").symlink_to(ROOT / "examples")
    found = steps((FOLDER / "README.md").read_text())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for step in found[:2]:
        done = subprocess.run(
            ["sh", "-eu", "-c", step.script],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert 0 == done.returncode, step.script + done.stderr
        assert [] == missing(step.printed, done.stdout), done.stdout
    serve, app, front = found[2].script.splitlines()
    assert front.endswith("caddy run --config examples/whoami/Caddyfile")
    run = folder / "try/run"
    sites = (FOLDER / "Caddyfile").read_text().replace("{$TRY}", str(run))
    agent = [
        sys.executable,
        "-m",
        *serve.replace("auth-agent", "auth_agent", 1).split(),
    ]
    words = app.replace("$PWD", str(folder)).replace('"', "").split()
    binary = needed("caddy", own=caddy == "current")
    with (
        _running(agent, run / "agent.sock", cwd=folder),
        _running([sys.executable, *words[1:]], run / "whoami.sock", cwd=folder),
    ):
        proxy = Proxy.serve(binary, sites, ("auth.localhost", "app.localhost"))
        client = Tls(proxy)
        try:
            browser = Browser(client, "127.3.0.1")
            public = browser.ask("GET", "app.localhost", "/open")
            page = {"Accept": "text/html"}
            guarded = browser.ask("GET", "app.localhost", "/", headers=page)
            login = visit(browser, "app.localhost")
        finally:
            client.close()
            proxy.stop()

    assert "not signed in" in public.text
    assert guarded.header("location").startswith("https://auth.localhost/login?to=")
    assert 'name="password"' in login.text
