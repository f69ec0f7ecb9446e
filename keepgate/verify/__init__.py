"""Runs the checks of tests/hosts on the hosts of an inventory."""

from __future__ import annotations

from keepgate.verify.run import verify
from keepgate.verify.runner import Scope

__all__ = ["Scope", "verify"]
