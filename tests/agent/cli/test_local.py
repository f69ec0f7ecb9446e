"""One command on a laptop: an agent, its first administrator, and a login."""

from __future__ import annotations

import http.client
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from auth_agent.cli.local import prepare
from auth_agent.cli.main import main

from tests.agent.web.browser import PASSWORD, Browser, Page, command, enrol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def free_port() -> int:
    """Return a port of loopback that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Laptop:
    """`auth-agent serve --local` on a terminal."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self._main, other = pty.openpty()
        self.process = subprocess.Popen(
            [*command("serve"), "--local", str(folder), "--port", str(self.port)],
            stdin=other,
            stdout=other,
            stderr=other,
        )
        os.close(other)
        self.shown = ""

    def wait_for(self, pattern: str) -> str:
        """Return what the terminal shows that matches *pattern*."""
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            if found := re.search(pattern, self.shown):
                return found[0]
            if select.select([self._main], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self._main, 4096).decode()
                except OSError:  # it has ended
                    break
        raise AssertionError(self.shown)

    def stop(self) -> int:
        """Press Ctrl-C; return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)

    def remove(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(20)
        os.close(self._main)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> Page:
        """Send one request as a browser on this machine does: without a proxy."""
        host = f"localhost:{self.port}"
        mine = {
            name: value
            for name, value in headers.items()
            if not name.startswith("X-Forwarded")
        }
        if "Origin" in mine:
            mine["Origin"] = f"http://{host}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body or None, {**mine, "Host": host})
            answer = connection.getresponse()
            pairs = [(name.lower(), value) for name, value in answer.getheaders()]
            return Page(answer.status, pairs, answer.read().decode())
        finally:
            connection.close()


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    """Return an agent that was started by its one command."""
    started = Laptop(tmp_path / "try")
    yield started
    started.remove()


def test_one_command_and_a_login(laptop: Laptop, tmp_path: Path) -> None:
    """The link on the terminal makes the administrator, who logs in and enrols."""
    link = laptop.wait_for(r"http://localhost:\d+/link/first-admin/\S+")
    laptop.wait_for(r'"message": "ready"')
    browser = Browser(laptop.send)
    path = urlsplit(link).path
    made = browser.submit(
        path,
        path,
        name="ada",
        display_name="Ada",
        email="ada@example.com",
        password=PASSWORD,
        again=PASSWORD,
    )
    assert made.status == 303, made.text
    browser.submit("/login", "/login", to="", name="ada", password=PASSWORD)
    enrol(browser, "ada")

    assert "ada@example.com" in browser.get("/account").text
    assert laptop.stop() == 0
    again = Laptop(tmp_path / "try", laptop.port)
    try:
        again.wait_for(r"Sign in at http://localhost:\d+")
        assert "first-admin" not in again.shown
    finally:
        again.remove()


def test_what_it_makes_is_ones_own(laptop: Laptop, tmp_path: Path) -> None:
    """The folder is for nobody else, the secret least of all."""
    laptop.wait_for(r'"message": "ready"')
    folder = tmp_path / "try"

    assert 0o700 == folder.stat().st_mode & 0o777
    assert 0o600 == (folder / "secret").stat().st_mode & 0o777


def test_another_name_of_the_machine_leads_to_the_right_one(laptop: Laptop) -> None:
    """Cookies and forms are for `localhost`."""
    laptop.wait_for(r'"message": "ready"')
    host = {"Host": f"127.0.0.1:{laptop.port}"}
    connection = http.client.HTTPConnection("127.0.0.1", laptop.port, timeout=20)
    connection.request("GET", "/", headers=host)
    answer = connection.getresponse()

    assert 421 == answer.status
    assert f"Open http://localhost:{laptop.port} instead" in answer.read().decode()
    connection.close()


def test_a_port_is_not_shared(laptop: Laptop, tmp_path: Path) -> None:
    """A second agent there is told of the first; it would get half of the requests."""
    laptop.wait_for(r'"message": "ready"')
    other = Laptop(tmp_path / "other", laptop.port)

    other.wait_for(f"127.0.0.1:{laptop.port} cannot be listened at: .*another port")
    assert 2 == other.process.wait(20)
    other.remove()


def test_mistakes_with_the_folder_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 and what to do: a file there, another port than the file's."""
    (tmp_path / "file").touch()
    prepare(tmp_path / "try", 8123)

    for words, said in (
        (
            [str(tmp_path / "file")],
            "file cannot be used: .*; name a folder of your own",
        ),
        ([str(tmp_path / "try"), "--port", "8124"], "says 127.0.0.1:8123; change it"),
    ):
        assert 2 == main(["serve", "--local", *words])
        assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_told(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is made."""
    with pytest.raises(SystemExit, match="2"):
        main(["serve", "--local", "/nonexistent", f"--port={port}"])
    assert "--port" in capsys.readouterr().err


def test_a_pipe_is_shown_no_link(tmp_path: Path) -> None:
    """Standard output of a service is a log."""
    log = tmp_path / "log"
    words = ("serve", "--local", str(tmp_path / "try"), "--port", str(free_port()))
    with log.open("wb") as file:
        process = subprocess.Popen(
            command(*words),
            stdout=file,
            stderr=file,
        )
    try:
        limit = time.monotonic() + 30
        while '"message": "ready"' not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < limit
            time.sleep(0.05)
        assert "/link/" not in log.read_text()
    finally:
        process.kill()
        process.wait(20)
