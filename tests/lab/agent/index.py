"""A small package index on the lab's bridge, as PyPI is one (PEP 503)."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def index(address: str, wheels: Mapping[str, bytes]) -> Iterator[str]:
    """Serve *wheels* at *address* for as long as the block lasts; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        """Lists the wheels of a project, and hands them out."""

        @override
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep quiet."""

        def do_GET(self) -> None:
            """Answer."""
            name = self.path.strip("/").rpartition("/")[2]
            found = wheels.get(name)
            if found is None:
                start = f"{name.replace('-', '_').lower()}-"
                names = [one for one in wheels if one.lower().startswith(start)]
                links = [f'<a href="/files/{one}">{one}</a>' for one in names]
                found = "".join(links).encode()
            self.send_response(200 if found else 404)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

    server = ThreadingHTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{address}:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
