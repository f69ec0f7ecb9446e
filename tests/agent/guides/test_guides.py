"""The guides' commands are run, print what is said, and their settings are taken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from auth_agent.config.parse import parse

from tests.agent.guides.host import Host
from tests.agent.guides.reading import (
    DOCS,
    GUIDES,
    Step,
    missing,
    settings,
    steps,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEWEST = {
    "authentication.md": 6,
    "users-and-roles.md": 8,
    "two-factor.md": 4,
    "audit-log.md": 6,
    "agent-backup.md": 3,
}
"""Blocks of commands that each guide has at least: none is passed over."""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Return a host of its own for each guide."""
    started = Host.start(tmp_path)
    yield started
    started.remove()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_works(host: Host, guide: str) -> None:
    """In order, on one host; each prints what the guide says it does."""
    found = steps(text_of(guide))
    assert len(found) >= FEWEST[guide]
    for step in found:
        status, output = host.run(step.script)

        where = f"docs/{guide}:{step.line}\n{step.script}\n{output}"
        assert status == 0, where
        assert [] == missing(step.printed, output), where
        assert "Traceback" not in output, where


@pytest.mark.parametrize("guide", GUIDES)
def test_every_setting_of_a_guide_is_taken(guide: str) -> None:
    """With no key or value that the agent does not know."""
    for block in settings(text_of(guide)):
        whole = block
        if "[login]" not in block:
            whole += '\n[login]\nhost = "auth.example.com"\n'
        parse(whole)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_link_of_a_guide_leads_somewhere(guide: str) -> None:
    """To a file of this repository, or to the web."""
    for target in re.findall(r"\]\(([^)]+)\)", text_of(guide)):
        place = target.partition("#")[0]
        assert target.startswith("https://") or (DOCS / place).exists(), target


def test_the_guides_are_linked_from_both_readmes() -> None:
    """Who begins at one of them finds all."""
    root = DOCS.parent
    for readme in (root / "README.md", root / "auth_agent/README.md"):
        text = readme.read_text()
        for guide in GUIDES:
            assert f"docs/{guide})" in text, f"{readme}: {guide}"


def test_what_a_guide_says_is_compared() -> None:
    """A line that is not printed, or in another order, is noticed."""
    text = "```sh\nls\n```\n\n```text\na …\nb\n```\n```toml\nx = 1\n```\n"

    assert [Step(1, "ls\n", ("a …", "b"))] == steps(text)
    assert ["x = 1\n"] == settings(text)
    assert [] == missing(("a …", "b"), "a thing\r\nelse\r\nb\r\n")
    assert ["b"] == missing(("a …", "b"), "b\na thing\n")
    assert ["c"] == missing(("c",), "abc\n")
