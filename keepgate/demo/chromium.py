"""Debian's Chromium, without a window, told what to do over a pipe.

It speaks the Chrome DevTools Protocol with us (`--remote-debugging-pipe`): a page of
code, where a driver such as Playwright brings 165 MB and a Node.js of its own. The
browser's own `--screenshot` takes no cookies, so it never sees what is behind a login.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from keepgate.demo.visitor import StoryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROGRAM: Final = "chromium"
SECONDS: Final = 40.0
"""For anything that the browser is asked; it starts on a busy machine."""

NOBODY: Final = 65534
"""Account and group `nobody`: whose a browser is that root starts."""

_LOST: Final = "Chromium does not answer"


class CameraError(StoryError):
    """There is no browser, or it does not show what it should."""


@dataclass
class Chromium:
    """A running browser: *to* it we write, and read *back* what it says."""

    to: IO[bytes]
    back: IO[bytes]
    events: list[dict[str, Any]] = field(default_factory=list)
    _last: int = 0
    _rest: bytes = b""

    def do(self, method: str, session: str = "", **params: object) -> dict[str, Any]:
        """Have the browser, or the page *session*, do something; return its answer.

        What else it tells meanwhile is added to `events`.

        Raises:
            CameraError: it refuses, or says nothing for too long.
        """
        self._last += 1
        message: dict[str, object] = {"id": self._last, "method": method}
        message["params"] = params
        if session:
            message["sessionId"] = session
        try:
            self.to.write(json.dumps(message).encode() + b"\0")
            self.to.flush()
        except OSError as error:
            raise CameraError(_LOST) from error
        until = time.monotonic() + SECONDS
        while (heard := self._heard(until)).get("id") != self._last:
            self.events.append(heard)
        if "error" in heard:
            refused = f"Chromium refuses {method}: {heard['error'].get('message')}"
            raise CameraError(refused)
        answer: dict[str, Any] = heard["result"]
        return answer

    def wait(self, session: str, method: str) -> None:
        """Return once the page *session* has told of *method*.

        Raises:
            CameraError: it has not in time.
        """
        until = time.monotonic() + SECONDS
        while not any(
            event.get("method") == method and event.get("sessionId") == session
            for event in self.events
        ):
            self.events.append(self._heard(until))

    def _heard(self, until: float) -> dict[str, Any]:
        """Return the next message, which must come before *until*."""
        while b"\0" not in self._rest:
            left = until - time.monotonic()
            there = left > 0 and select.select([self.back], [], [], left)[0]
            data = os.read(self.back.fileno(), 1 << 20) if there else b""
            if not data:
                raise CameraError(_LOST)
            self._rest += data
        first, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(first)
        return found


@contextmanager
def chromium(
    address: str, names: Sequence[str], keys: Sequence[str]
) -> Iterator[Chromium]:
    """Start a browser for as long as the block lasts.

    It finds *names* at *address* and no other name anywhere. Beside what public
    authorities sign it takes certificates with *keys* alone, each the SHA-256 of a
    public key in base64 (RFC 7469, section 2.4).

    Raises:
        CameraError: there is none, or it does not start.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        message = f"{PROGRAM} is not installed"
        raise CameraError(message, "`.ci/setup lab` installs it")
    # Not in $TMPDIR: root's may be closed to everybody else.
    with tempfile.TemporaryDirectory(
        prefix="keepgate-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        process = _started([program, *_flags(folder, address, names, keys)], folder)
        try:
            if process.stdin is None or process.stdout is None:
                raise CameraError(_LOST)
            opened = Chromium(process.stdin, process.stdout)
            opened.do("Browser.getVersion")
            yield opened
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # nothing of it is kept
            process.communicate()


def _started(command: Sequence[str], folder: str) -> subprocess.Popen[bytes]:
    """Start the browser; it hears us at descriptor 3 and answers at 4."""
    ours = os.geteuid() != 0
    if not ours:
        os.chown(folder, NOBODY, NOBODY)
    return subprocess.Popen(  # noqa: S603 - the shell is given words, no text
        [
            *("/bin/sh", "-c", 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null'),
            *command,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=_environment(folder),
        start_new_session=True,
        user=None if ours else NOBODY,
        group=None if ours else NOBODY,
        extra_groups=None if ours else (),
    )


def _environment(folder: str) -> Mapping[str, str]:
    path = f"{os.environ.get('PATH', os.defpath)}"
    return {"HOME": folder, "TMPDIR": folder, "PATH": path, "LANG": "C.UTF-8"}


def _flags(
    folder: str, address: str, names: Sequence[str], keys: Sequence[str]
) -> list[str]:
    found = [f"MAP {name} {address}" for name in names]
    return [
        *("--headless", "--remote-debugging-pipe", f"--user-data-dir={folder}/profile"),
        # Its sandbox needs more than containers allow; it is nobody's account, and
        # shows pages of a throwaway host of our own.
        "--no-sandbox",
        *("--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
        *("--no-first-run", "--no-default-browser-check", "--lang=en-GB"),
        *("--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", "--disable-extensions", "--no-proxy-server"),
        *("--password-store=basic", "--force-color-profile=srgb"),
        f"--host-resolver-rules={', '.join([*found, 'MAP * ~NOTFOUND'])}",
        f"--ignore-certificate-errors-spki-list={','.join(keys)}",
        "about:blank",
    ]
