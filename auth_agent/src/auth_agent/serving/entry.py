"""Where a request comes in: the gate's own path first, everything else to the pages."""

from __future__ import annotations

import logging
import time

from starlette.applications import Starlette

from auth_agent.web import answers
from auth_agent.web.actions.base import Runtime
from auth_agent.web.bridge import Channel, PageScope, carry
from auth_agent.web.gate import Gate
from auth_agent.web.site import is_ours

VERIFY = "/verify"
_NOWHERE = frozenset({404, 421})
_log = logging.getLogger("auth_agent.http")


class Entry:
    """The application that granian calls."""

    def __init__(self, runtime: Runtime, gate: Gate, app: Starlette) -> None:
        self._runtime = runtime
        self._gate = gate
        self._app = app

    async def __rsgi__(self, scope: PageScope, channel: Channel) -> None:
        """Answer one request."""
        if scope.path == VERIFY:
            try:
                status, headers, body = self._gate.verify(scope)
            except Exception:  # noqa: BLE001 - whatever it is, it is no 2xx
                _log.exception("the gate failed")
                status, headers, body = answers.FAILED
            if body:
                channel.response_str(status, headers, body)
            else:
                channel.response_empty(status, headers)
            return
        await self._page(scope, channel)

    def _elsewhere(self, status: int, channel: Channel) -> None:
        """Refuse a host that is not ours; on one's own machine say which one is."""
        headers = [("cache-control", "no-store")]
        if self._runtime.config.server.insecure_loopback:
            text = f"Open {self._runtime.base_url} instead.\n"
            channel.response_str(
                status, [*headers, ("content-type", "text/plain")], text
            )
        else:
            channel.response_empty(status, headers)

    async def _page(self, scope: PageScope, channel: Channel) -> None:
        started = time.perf_counter()
        hosts = scope.headers.get_all("host")
        status = 421
        if len(hosts) != 1 or not is_ours(self._runtime, hosts[0], scope.path):
            self._elsewhere(status, channel)
        else:
            try:
                status = await carry(self._app, scope, channel)
            except Exception:  # noqa: BLE001 - whatever it is, the process goes on
                _log.exception("a page failed")
                status, headers, body = answers.FAILED
                channel.response_str(status, headers, body)
        # No path: links carry secrets, also where one was pasted wrongly and leads
        # nowhere. No query: so do codes.
        place = scope.path.removeprefix(self._runtime.base_path).split("/")[1:3]
        if status in _NOWHERE:
            place = []
        _log.info(
            "request",
            extra={
                "method": scope.method,
                "place": "/".join(place[: 1 if place[:1] == ["link"] else 2])[:60],
                "status": status,
                "milliseconds": round((time.perf_counter() - started) * 1000, 1),
            },
        )
