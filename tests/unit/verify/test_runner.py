"""What a host says is bounded before it reaches a report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from keepgate.verify import runner
from keepgate.verify.connection import Connection


def test_what_a_host_says_is_cut_to_length(tmp_path: Path) -> None:
    """Megabytes of answer make no report of megabytes, and nothing steers it."""
    finding = {
        "id": "SSH-01",
        "topic": "ssh",
        "title": "Root cannot log in",
        "severity": "high",
        "refs": ["CIS 1"],
        "outcome": "failed",
        "observed": ["\x1b" + "x" * 10_000_000],
        "reason": "y" * 10_000_000,
        "remedy": "z",
        "seconds": 0.1,
    }
    results = tmp_path / "results.json"
    results.write_text(
        json.dumps(
            {
                "facts": {"release": "r" * 10_000_000},
                "seconds": 1.0,
                "timings": {},
                "findings": [finding],
                "waivers": [],
            }
        )
    )
    opened = Connection("web1", "keeper", tmp_path / "ssh_config", tmp_path)

    found = runner.snapshot(results, opened)

    assert 20_000 > len(found.model_dump_json())
    assert found.findings[0].reason.endswith("(cut off)")
    assert "\x1b" not in found.findings[0].observed[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can limit another")
def test_the_checks_may_not_use_all_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What would take more than is allowed fails by itself, and we go on."""
    greedy = tmp_path / "test_greedy.py"
    greedy.write_text(
        f"def test_greedy():\n    assert not bytearray({runner.MEMORY + 1})[0]\n"
    )
    monkeypatch.setattr(runner, "CHECKS", greedy)

    done = runner.pytest([])

    assert 1 == done.returncode, done.stdout
    assert "MemoryError" in done.stdout
