"""Throwaway hosts that look like a stock cloud server."""

from __future__ import annotations

from keepgate.lab.attacker import Attacker, attacker
from keepgate.lab.host import LabHost
from keepgate.lab.manage import down, inventory, listing, up
from keepgate.lab.outage import cut, mend
from keepgate.lab.power import execute, start, stop, wait_for_ssh
from keepgate.lab.run import (
    LabError,
    LabUnreachableError,
    LabUsageError,
    require_root,
)

__all__ = [
    "Attacker",
    "LabError",
    "LabHost",
    "LabUnreachableError",
    "LabUsageError",
    "attacker",
    "cut",
    "down",
    "execute",
    "inventory",
    "listing",
    "mend",
    "require_root",
    "start",
    "stop",
    "up",
    "wait_for_ssh",
]
