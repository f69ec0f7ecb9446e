"""The report as one HTML file: no script, no font, nothing fetched."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from keepgate.report.model import SEVERITIES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from keepgate.report.model import Finding, HostReport, Report, Snapshot
    from keepgate.report.story import Picture

_TEMPLATES: Final = Path(__file__).parent / "templates"


def render(report: Report, pictures: Mapping[str, Picture] | None = None) -> str:
    """Return *report* as one self-contained page, with *pictures* by scene.

    Everything a host said is escaped; the page runs no script and loads nothing,
    and its content security policy forbids it to.
    """
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            hosts=[_host(host, number) for number, host in enumerate(report.hosts)],
            style=_style(),
            severities=SEVERITIES,
            pictures=pictures or {},
        )
    )


def _style() -> Markup:
    text = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - our own file, and CSS must not be escaped


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = _when
    environment.filters["code"] = _code
    environment.filters["inline"] = _inline
    return environment


def _host(host: HostReport, number: int) -> dict[str, object]:
    after = host.after
    return {
        "report": host,
        "anchor": f"host-{number}",
        "before": host.before if host.before != after else None,
        "after": after,
        "todo": _todo(after) if after else (),
        "topics": [
            (title, rows)
            for topic, title in TOPICS.items()
            if after and (rows := _rows(after, host.before, topic))
        ],
    }


def _todo(after: Snapshot) -> list[tuple[str, list[Finding]]]:
    """Return the failures by what mends them, the gravest first in each."""
    found: dict[str, list[Finding]] = {}
    for finding in after.failures:
        found.setdefault(finding.remedy, []).append(finding)
    return list(found.items())


def _rows(
    after: Snapshot, before: Snapshot | None, topic: str
) -> list[tuple[Finding, Finding | None]]:
    """Return the findings of *topic* with what they were before, failures first."""
    findings = sorted(after.of_topic(topic), key=lambda f: f.outcome != "failed")
    return [(f, before.finding(f.id) if before else None) for f in findings]


def _when(taken: datetime) -> str:
    return f"{taken:%-d %B %Y, %H:%M} UTC"


def _inline(picture: bytes) -> str:
    """Return *picture* as an address that holds it (RFC 2397)."""
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"


def _code(text: str) -> Markup:
    """Return *text*, escaped, with what stands in backquotes as code."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if at % 2 else part
        for at, part in enumerate(parts)
    )
