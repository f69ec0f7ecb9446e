"""The agent's server with nothing behind it: a constant 200 with the same headers.

`python -m benchmarks.agent_stub 127.0.0.1:PORT [reads]`, the headers as a JSON list of
pairs on standard input. With `reads` it asks the server for every header that a check
cannot do without, and does nothing with them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys

from auth_agent.serving.process import make_server
from auth_agent.web.bridge import Channel, PageScope

CHECKED = (
    "x-forwarded-uri",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-proto",
    "cookie",
)
"""Headers that must be there once: of a second one the gate would see but one."""

ASKED = ("authorization", "upgrade", "sec-fetch-mode")
"""Headers that change what is asked of the others."""


class Constant:
    """Answers everything alike."""

    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self._headers = headers

    async def __rsgi__(self, _scope: PageScope, channel: Channel) -> None:
        """Answer one request."""
        channel.response_empty(200, self._headers)


class Reading:
    """Answers everything alike, once it has read what a check must read."""

    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self._headers = headers

    async def __rsgi__(self, scope: PageScope, channel: Channel) -> None:
        """Answer one request."""
        if scope.path:
            headers = scope.headers
            for name in CHECKED:
                headers.get_all(name)
            for name in ASKED:
                name in headers  # noqa: B015 - the look-up is what is measured
        channel.response_empty(200, self._headers)


async def serve(listen: str, app: Constant | Reading) -> None:
    """Serve until SIGTERM."""
    server = make_server(listen, app)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    gc.collect()
    gc.freeze()
    await server.serve()


if __name__ == "__main__":
    pairs = [(str(name), str(value)) for name, value in json.load(sys.stdin)]
    kind = Reading if sys.argv[2:] == ["reads"] else Constant
    asyncio.run(serve(sys.argv[1], kind(pairs)))
