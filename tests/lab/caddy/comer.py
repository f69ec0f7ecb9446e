"""Asks a site from wherever it is started, and prints what came back as JSON.

`python comer.py AUTHORITY ADDRESS HOST [HEADER VALUE]…`, in the project's folder.
"""

from __future__ import annotations

import json
import ssl
import sys

from tests.unit.caddy.client import Visitor


def main(authority: str, address: str, host: str, *headers: str) -> None:
    """Ask for `/` with *headers*, or say that nobody answers."""
    context = ssl.create_default_context(cafile=authority)
    pairs = list(zip(headers[::2], headers[1::2], strict=True))
    try:
        answer = Visitor(address, 443, context, seen_as="").get(host, "/", *pairs)
    except TimeoutError:
        told = {"status": 0, "body": ""}
    else:
        told = {"status": answer.status, "body": answer.body.decode()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
