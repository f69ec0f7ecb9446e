"""Findings of `verify` -> terminal, HTML, JSON and JUnit."""

from __future__ import annotations

from keepgate.report.files import write
from keepgate.report.model import (
    TOPICS,
    Finding,
    HostReport,
    Report,
    Snapshot,
    Tally,
    Waiver,
)
from keepgate.report.story import Picture, Scene, Story

__all__ = [
    "TOPICS",
    "Finding",
    "HostReport",
    "Picture",
    "Report",
    "Scene",
    "Snapshot",
    "Story",
    "Tally",
    "Waiver",
    "write",
]
