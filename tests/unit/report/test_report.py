"""Reports: counted honestly, well formed, and safe whatever a host says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from typing_extensions import override

from keepgate.report import Report, html, junit, schema, terminal, write
from keepgate.report.text import plain
from tests.unit.report.conftest import finding, report, snapshot

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "</style></td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}"
)


class _Page(HTMLParser):
    """Collects elements and attributes; as a browser reads them, not as text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def _hostile() -> Report:
    bad = finding(
        outcome="failed", observed=(HOSTILE,), reason=HOSTILE, remedy=f"`{HOSTILE}`"
    )
    found = report(bad, name=HOSTILE, before=snapshot(bad, kernel=HOSTILE))
    host = found.hosts[0].model_copy(update={"after": snapshot(bad, kernel=HOSTILE)})
    return found.model_copy(update={"hosts": (host,), "inventory": HOSTILE})


def test_page_runs_nothing_that_a_host_says() -> None:
    """Names, facts and observations of a hostile host stay text."""
    page = _Page(html.render(_hostile()))

    assert set() == page.tags & {"script", "img", "iframe", "object", "embed", "base"}
    assert [] == [name for name, _ in page.attributes if name.startswith("on")]


def test_page_loads_nothing() -> None:
    """The page names no address to fetch from, and its policy forbids it to."""
    page = _Page(html.render(report(finding())))
    fetched = [
        value
        for name, value in page.attributes
        if name in ("src", "href", "srcset") and not value.startswith("#")
    ]

    assert [] == fetched
    assert any("default-src 'none'" in value for _, value in page.attributes)
    assert "url(" not in html.render(report(finding()))
    assert "@import" not in html.render(report(finding()))


def test_before_stands_beside_after() -> None:
    """A control that failed before and holds now shows both."""
    earlier = snapshot(finding(outcome="failed", observed=("permitrootlogin yes",)))
    page = html.render(report(finding(), before=earlier))

    assert "permitrootlogin yes" in page
    assert "permitrootlogin no" in page
    assert "Before" in page


def _folds(found: Report) -> list[bool]:
    """Return of each part of the page that folds whether it is open."""
    parts = re.findall(r'<details class="card topic[^>]*>', html.render(found))
    return [part.endswith(" open>") for part in parts]


def test_one_host_is_shown_whole() -> None:
    """With a single host nothing is folded away."""
    assert [True, True] == _folds(report(finding()))


def test_what_holds_is_folded_beside_other_hosts() -> None:
    """With several hosts only topics with a failure are open: it stays readable."""
    bad = finding(id="FW-01", topic="firewall", outcome="failed", reason="no")
    one, other = (
        report(finding(), bad).hosts[0],
        report(finding(), name="web2").hosts[0],
    )
    found = report(finding()).model_copy(update={"hosts": (one, other)})

    # By host: SSH, firewall, deviations; SSH, deviations.
    assert [False, True, False, False, False] == _folds(found)


def test_every_link_leads_somewhere() -> None:
    """Each link within the page names an element that is there."""
    bad = finding(outcome="failed", reason="no")
    one, other = report(bad).hosts[0], report(finding(), name="web2").hosts[0]
    page = _Page(
        html.render(report(bad).model_copy(update={"hosts": (one, other)}))
    ).attributes
    links = {value.removeprefix("#") for name, value in page if name == "href"}

    assert links
    assert set() == links - {value for name, value in page if name == "id"}


def test_paper_is_white() -> None:
    """Dark colours are for screens only: a dark screen's user prints black on white."""
    page = html.render(report(finding()))

    assert ["@media screen and (prefers-color-scheme: dark)"] == re.findall(
        r"@media[^{]*dark\)", page
    )


def test_page_names_a_host_that_was_not_reached(unreachable: Report) -> None:
    """The page says what to do about a host that could not be checked."""
    assert "check the network" in html.render(unreachable)


def test_not_observed_never_counts_as_passed() -> None:
    """One of two observed controls holds: the third changes nothing."""
    found = report(
        finding(),
        finding(id="SSH-02", outcome="failed", reason="no"),
        finding(id="SSH-03", outcome="not_observed", reason="cannot be seen"),
    )
    assert found.hosts[0].after is not None
    tally = found.hosts[0].after.tally

    assert (1, 2, 50) == (tally.passed, tally.observed, tally.percent)


def test_hundred_percent_means_all() -> None:
    """One failure among a thousand is not rounded away."""
    many = [finding(id=f"SSH-{n}") for n in range(999)]
    found = snapshot(*many, finding(id="SSH-999", outcome="failed", reason="no"))

    assert 99 == found.tally.percent


def test_only_keeps_the_topics_named() -> None:
    """What is compared is what was looked at this time."""
    found = snapshot(finding(), finding(id="FW-01", topic="firewall"))

    assert ["FW-01"] == [one.id for one in found.only({"firewall"}).findings]


def test_json_is_read_back_as_it_was() -> None:
    """The JSON document holds all of the report."""
    found = report(finding(), before=snapshot(finding()))

    assert found == Report.model_validate_json(found.model_dump_json(), strict=True)


def test_schema_is_written_down() -> None:
    """docs/report.schema.json is the schema of the JSON document."""
    assert schema.text() == schema.FILE.read_text()


def test_junit_counts_by_outcome() -> None:
    """CI sees failures and skipped controls as such."""
    found = report(
        finding(),
        finding(id="SSH-02", outcome="failed", reason="no"),
        finding(id="SSH-03", outcome="not_observed", reason="cannot be seen"),
    )
    root = ET.fromstring(junit.render(found))  # noqa: S314 - our own text

    assert ("3", "1", "1", "0") == tuple(
        root.get(key) for key in ("tests", "failures", "skipped", "errors")
    )


def test_junit_takes_any_character() -> None:
    """What XML cannot hold is replaced, the document stays well formed."""
    found = report(finding(observed=("a\x00\x1b[31m\ud7ff\ufffe<&>",)))

    assert ET.fromstring(junit.render(found)) is not None  # noqa: S314 - our own text


def test_junit_tells_an_unreachable_host(unreachable: Report) -> None:
    """A host that was not checked is an error, no empty success."""
    root = ET.fromstring(junit.render(unreachable))  # noqa: S314 - our own text

    assert "1" == root.get("errors")


@pytest.mark.parametrize("char", ["\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\r"])
def test_no_character_steers_a_terminal(char: str) -> None:
    """Control and direction characters are shown escaped."""
    assert char not in plain(f"a{char}[2Jb")


def test_terminal_tells_what_to_do() -> None:
    """What does not hold is named with its reason and its remedy."""
    console = Console(width=200, record=True)
    bad = finding(outcome="failed", reason="wanted no, found yes")
    console.print(terminal.host(report(bad).hosts[0]))
    text = console.export_text()

    assert re.search(r"SSH-01\s+high\s+Root cannot log in\s+wanted no, found yes", text)
    assert "keepgate apply INVENTORY --only ssh" in text


def test_new_folder_is_private(tmp_path: Path) -> None:
    """A report tells what is weak: nobody else may read a new folder."""
    write(report(finding()), tmp_path / "new")

    assert 0o700 == (tmp_path / "new").stat().st_mode & 0o777
