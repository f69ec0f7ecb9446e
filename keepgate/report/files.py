"""Writing a report's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keepgate.report import html, junit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from keepgate.report.model import Report
    from keepgate.report.story import Picture

HTML = "report.html"
JSON = "report.json"
JUNIT = "junit.xml"


def write(
    report: Report, folder: Path, pictures: Mapping[str, Picture] | None = None
) -> tuple[Path, ...]:
    """Write *report* as HTML, JSON and JUnit into *folder*; return the files.

    The page has *pictures* (by scene of the story) in itself; nothing else has them.
    The folder is made private (0700) if it is new: the report tells what is weak.

    Raises:
        OSError: the folder or a file cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    contents = {
        HTML: html.render(report, pictures or {}).encode(),
        JSON: (report.model_dump_json(indent=1) + "\n").encode(),
        JUNIT: junit.render(report),
    }
    written = []
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content)
        written.append(path)
    return tuple(written)
