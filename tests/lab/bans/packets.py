"""Whom the packet filter drops, as nft tells it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def held(sh: Callable[[str], str], jail: str) -> set[str]:
    """Return the addresses and networks that are dropped for *jail*.

    *sh* runs a command as root on the host.
    """
    found: set[str] = set()
    for family in "46":
        listed = sh(f"nft -j list set inet keepgate_bans {jail}_{family}")
        (one,) = [e["set"] for e in json.loads(listed)["nftables"] if "set" in e]
        found |= {_element(element) for element in one.get("elem", ())}
    return found


def _element(element: str | dict[str, Any]) -> str:
    """Return an address, or a network as ADDRESS/LENGTH (libnftables-json(5))."""
    if isinstance(element, dict) and "elem" in element:
        element = element["elem"]["val"]
    if isinstance(element, dict):
        return f"{element['prefix']['addr']}/{element['prefix']['len']}"
    return str(element)
