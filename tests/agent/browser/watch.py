"""Chromium's pages, and all that it complains about."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from tests.agent.browser import apart
from tests.agent.browser.apart import out_of
from tests.agent.tools import needed
from tests.agent.web.browser import LOGIN_HOST, Member

APART = str(Path(apart.__file__))

LIMIT = 60_000
"""Milliseconds that anything in the browser may take at most."""

expect.set_options(timeout=LIMIT)

_STATUS = "Failed to load resource"
"""How the console says that a status was 400 or more; tests expect some of these."""


@contextmanager
def chromium(port: int) -> Iterator[Browser]:
    """Give a Chromium that takes the proxy at *port* of loopback for every host."""
    args = [f"--host-resolver-rules=MAP * 127.0.0.1:{port}", "--disable-gpu"]
    # Short: a socket's name may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="chromium-") as folder:
        door = Path(folder) / "out"
        start = Path(folder) / "start"
        start.write_text(_start(door, port, needed("chromium")))
        start.chmod(0o700)
        with out_of(door, port), sync_playwright() as playwright:
            started = playwright.chromium.launch(
                executable_path=start,
                args=args,
                # It shows our own pages only, and its sandbox does not run as root.
                chromium_sandbox=False,
                timeout=2 * LIMIT,
            )
            try:
                yield started
            finally:
                started.close()


def _start(door: Path, port: int, program: str) -> str:
    """Return a script that starts *program* apart, or as it is where that is barred."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["unshare", *user, "--net"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, check=False)
    words = [program]
    if tried.returncode == 0:
        words = [*unshare, sys.executable, APART, str(door), str(port), program]
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'


@dataclass
class Watch:
    """Opens pages of one Chromium; *problems* are what it says against them."""

    browser: Browser
    problems: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, *, script: bool = True) -> Page:
        """Return a page of a new profile; without *script*, JavaScript is off."""
        context = self.browser.new_context(
            # The proxy's certificates are signed by a CA of its own.
            ignore_https_errors=True,
            java_script_enabled=script,
            viewport={"width": 1280, "height": 900},
            locale="en-GB",
        )
        self._contexts.append(context)
        context.set_default_timeout(LIMIT)
        context.on("console", self._console)
        context.on("weberror", lambda one: self.problems.append(str(one.error)))
        context.on("response", self._response)
        return context.new_page()

    def signed_in(self, member: Member, *, script: bool = True) -> Page:
        """Return a page of a new profile in which *member* is logged in."""
        page = self.open(script=script)
        for name, value in member.browser.cookies[LOGIN_HOST].items():
            page.context.add_cookies(
                [{"name": name, "value": value, "url": f"https://{LOGIN_HOST}"}]
            )
        return page

    def close(self) -> None:
        """Close what was opened."""
        for context in self._contexts:
            context.close()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and _STATUS not in message.text:
            self.problems.append(f"{message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        request = response.request
        if response.status >= 400 and not request.is_navigation_request():
            self.problems.append(f"{response.status} {request.url}")
