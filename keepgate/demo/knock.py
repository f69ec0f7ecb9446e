"""Guesses a password at a login page until nobody answers any more.

Run in the network that the guesses shall come from, `python -m keepgate.demo.knock`:
takes what to do as JSON on standard input, prints the status of each guess as JSON, 0
where no answer came.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from typing import Final

from keepgate.demo.visitor import StoryError, Visitor

PATIENCE: Final = 5.0
"""Seconds without an answer after which one is shut out."""


def guess(visitor: Visitor, login: str, name: str) -> int:
    """Try one wrong password for *name*; return the status, 0 without an answer."""
    try:
        page = visitor.ask(f"{login}/login")
        given = {"name": name, "password": secrets.token_urlsafe(12)}
        return visitor.submit(page, "/login", **given).status
    except StoryError:
        return 0


def main() -> None:
    """Guess until nothing comes back, or for as long as we are told; at least once."""
    asked = json.load(sys.stdin)
    until = time.monotonic() + float(asked["seconds"])
    found: list[int] = []
    while not found or (found[-1] and time.monotonic() < until):
        visitor = Visitor(asked["address"], asked["authority"], seconds=PATIENCE)
        found.append(guess(visitor, asked["login"], asked["name"]))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
