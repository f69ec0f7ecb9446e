"""The guide to apps is whole, leads on, and is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.agent.examples.guide import GUIDE, ROOT, Guide

EXAMPLE = ROOT / "examples" / "whoami" / "README.md"


def test_no_app_of_the_guide_is_passed_over() -> None:
    """Three sites, two programs with the command for each, and a module."""
    guide = Guide.read()

    hosts = ["notes.example.com", "handbook.example.com", "chat.example.com"]
    assert hosts == [site.host for site in guide.sites]
    assert ["assertion.py", "chat.py", "notes.py"] == sorted(guide.files)
    assert 2 == len(guide.commands)
    assert "file_server" in guide.caddyfile


@pytest.mark.parametrize("path", [GUIDE, EXAMPLE], ids=["guide", "whoami"])
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file of this repository and a heading there, or to the web."""
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        if target.startswith("https://"):
            continue
        place, _, heading = target.partition("#")
        file = (path.parent / place).resolve() if place else path
        assert file.exists(), target
        headings = re.findall("(?m)^#+ (.*)$", file.read_text()) if heading else []
        marks = {re.sub(r"[^\w -]", "", one.lower()) for one in headings}
        assert not heading or heading in {one.replace(" ", "-") for one in marks}


@pytest.mark.parametrize("name", ["README.md", "docs/sites.md", "auth_agent/README.md"])
def test_it_is_found_from_where_one_begins(name: str) -> None:
    """From the first page, from the sites, from the agent's own page."""
    assert "apps.md)" in (ROOT / name).read_text()
