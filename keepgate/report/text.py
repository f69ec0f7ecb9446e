"""Text that came from a host, made safe to show."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """Return *text* with control and direction characters escaped.

    A host may be somebody else's by now: nothing it says shall steer a terminal or
    make a line read differently from what it is, nor break off its own encoding.
    """
    return "".join(
        char
        if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs")
        else char.encode("unicode_escape").decode()
        for char in text
    )
