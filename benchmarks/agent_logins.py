"""Logins by password at a steady rate, each of another account from another place."""

from __future__ import annotations

import http.client
import queue
import re
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from benchmarks.agent_state import LOGIN_HOST, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE: Final = 20
"""Logins a second."""

WORKERS: Final = 24
_TOKEN: Final = re.compile(r'name="csrf" value="([^"]+)"')


class Logins:
    """Asks for `RATE` logins a second until it is stopped."""

    def __init__(self, port: int, names: Sequence[str]) -> None:
        self._port = port
        self._names = names
        self._stopped = threading.Event()
        self._due: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._answers: Counter[str] = Counter()
        self._began = self._ended = 0.0

    @property
    def rate(self) -> float:
        """Logins a second that were answered."""
        return self._answers.total() / (self._ended - self._began)

    def text(self) -> str:
        """What they were answered: how often which status."""
        return ", ".join(f"{n} x {what}" for what, n in self._answers.most_common())

    def stop(self) -> None:
        """Ask for no more."""
        self._stopped.set()

    def run(self) -> None:
        """Ask until `stop`."""
        workers = [threading.Thread(target=self._work) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        self._began = time.monotonic()
        number = 0
        while not self._stopped.wait(max(0.0, self._due_in(number))):
            self._due.put(number)
            number += 1
        for _ in workers:
            self._due.put(None)
        for worker in workers:
            worker.join()
        self._ended = time.monotonic()

    def _due_in(self, number: int) -> float:
        return self._began + number / RATE - time.monotonic()

    def _work(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        common = {
            "Host": LOGIN_HOST,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": LOGIN_HOST,
        }
        connection.request("GET", "/login", headers=common)
        answer = connection.getresponse()
        found = _TOKEN.search(answer.read().decode())
        cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
        if found is None:
            message = "the login page has no form"
            raise RuntimeError(message)
        while (number := self._due.get()) is not None:
            name = self._names[number % len(self._names)]
            body = urlencode(
                {"csrf": found[1], "to": "", "name": name, "password": PASSWORD}
            )
            more = {
                "Cookie": cookie,
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{LOGIN_HOST}",
                "X-Forwarded-For": f"198.18.{number // 250}.{number % 250}",
            }
            connection.request("POST", "/login", body, common | more)
            answer = connection.getresponse()
            answer.read()
            self._answers[str(answer.status)] += 1
        connection.close()
