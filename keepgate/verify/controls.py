"""docs/controls.md, from what the checks say of themselves.

`python -m keepgate.verify.controls` writes it anew.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keepgate.inventory.home import PROJECT
from keepgate.report.model import TOPICS
from keepgate.verify import runner

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = PROJECT / "docs" / "controls.md"
_HEAD: Final = """\
# Controls

What `keepgate verify` checks: {count} controls. [verify.md](verify.md) explains how.
This page is written from the checks by `python -m keepgate.verify.controls`.
"""
_SLOW: Final = " Looked at by `verify --thorough` alone."


def catalogue() -> dict[str, Any]:
    """Return every control and every waiver, as the checks declare them.

    Raises:
        RuntimeError: the checks cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.json"
        done = runner.pytest(["--collect-only", f"--keepgate-catalogue={path}"])
        if done.returncode != 0:
            message = f"the checks cannot be read: {done.stdout}{done.stderr}"
            raise RuntimeError(message)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def page(found: Mapping[str, Any]) -> str:
    """Return the page that lists *found*."""
    lines = [_HEAD.format(count=len(found["controls"]))]
    for topic, title in TOPICS.items():
        lines += [f"## {title}", "", "| Id | Severity | Holds when | Answers |"]
        lines.append("| --- | --- | --- | --- |")
        rows = [one for one in found["controls"] if one["topic"] == topic]
        lines += [
            f"| {one['id']} | {one['severity']} | **{_cell(one['title'])}.** "
            f"{_cell(one['claim'])}{_SLOW if one['slow'] else ''} |"
            f" {_cell(', '.join(one['refs']))} |"
            for one in sorted(rows, key=lambda row: str(row["id"]))
        ]
        lines.append("")
    lines += ["## Deviations on purpose", ""]
    lines.append(
        "Items of reference lists that a hardened host does not meet, and why."
    )
    lines += ["", "| Item | Asks for | Has | Reason |", "| --- | --- | --- | --- |"]
    lines += [
        "| "
        + " | ".join(_cell(one[key]) for key in ("item", "asks", "we", "reason"))
        + " |"
        for one in found["waivers"]
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(catalogue()), encoding="utf-8")
