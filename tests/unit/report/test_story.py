"""A demo's story in the report: judged with it, shown in it, its pictures inside."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from rich.console import Console

from keepgate.report import Picture, Report, Scene, Story, html, junit, terminal, write
from tests.unit.report.conftest import finding, report

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</style><script>alert(1)</script>\"'&"


def _scene(name: str, *, holds: bool = True, seen: str = "as it shall") -> Scene:
    return Scene(id=name, title=f"The {name}", expected="so", seen=seen, holds=holds)


def _story(*attacks: Scene, seen: str = "as it shall") -> Story:
    return Story(
        app="https://app.demo.test",
        login="https://login.demo.test",
        who="ada (Ada), admin, by password and totp",
        visit=(_scene("first", seen=seen), _scene("app")),
        attacks=attacks,
        pictures="1 picture",
    )


def _told(story: Story) -> Report:
    return report(finding()).model_copy(update={"story": story})


def _picture(alt: str = "The app") -> Picture:
    return Picture("https://app.demo.test/", alt, 480, 400, b"light", b"dark")


def test_a_story_that_went_wrong_fails_the_report() -> None:
    """One attack that gets through is enough; none at all is no proof either."""
    fine, bad = _scene("forged"), _scene("cookie", holds=False)

    assert _told(_story(fine)).ok
    assert not _told(_story(fine, bad)).ok
    assert not _told(_story()).ok
    assert report(finding()).ok


def test_the_page_has_its_pictures_in_itself() -> None:
    """Light and dark, for the scene they belong to; nothing else may be loaded."""
    page = html.render(_told(_story(_scene("forged"))), {"app": _picture()})
    held = re.findall(r'(?:src|srcset)="data:image/webp;base64,([^"]+)"', page)

    assert [b"dark", b"light"] == [base64.b64decode(text) for text in held]
    assert page.index("The first") < page.index("data:image") < page.index("The forged")
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in page
    assert 'alt="The app" width="480" height="400"' in page


def test_without_pictures_the_page_says_so_and_may_load_none() -> None:
    """Its policy is that of any report then."""
    story = _story(_scene("forged")).model_copy(
        update={"pictures": "no pictures: chromium is not installed"}
    )
    page = html.render(_told(story))

    assert "There are no pictures: chromium is not installed." in page
    assert "<img" not in page
    assert "img-src" not in page


def test_a_report_without_story_has_none() -> None:
    """`verify` shows hosts and nothing else."""
    assert 'id="story"' not in html.render(report(finding()))


def test_nothing_of_a_story_is_taken_for_html() -> None:
    """What a host answered is text, in words and in what pictures say."""
    page = html.render(
        _told(_story(_scene("forged", seen=HOSTILE), seen=HOSTILE)),
        {"app": _picture(HOSTILE)},
    )

    assert "<script" not in page
    assert 3 == page.count("&lt;script&gt;alert(1)")


def test_what_went_wrong_is_told_with_what_was_expected() -> None:
    """On the page, in the terminal and to CI."""
    found = _told(_story(_scene("forged", holds=False, seen="root came in")))
    page, story = html.render(found), found.story
    console = Console(width=200, record=True)
    assert story is not None
    console.print(terminal.story(story), soft_wrap=True)
    said = console.export_text()
    root = ET.fromstring(junit.render(found))  # noqa: S314 - our own text

    assert "does not hold" in page
    assert "root came in" in page
    assert "1 of 3 did not come out as it shall." in page
    assert "https://app.demo.test knows ada (Ada)" in said
    assert "0 of 1 attacks came to nothing" in said
    assert "The forged  expected so; seen: root came in" in said
    assert ("4", "1") == (root.get("tests"), root.get("failures"))
    assert ["root came in"] == [one.get("message") for one in root.iter("failure")]


def test_json_holds_the_story_and_no_picture(tmp_path: Path) -> None:
    """The document is data; pictures are for people."""
    found = _told(_story(_scene("forged")))
    files = write(found, tmp_path / "new", {"app": _picture()})
    texts = {path.name: path.read_text() for path in files}

    assert found == Report.model_validate_json(texts["report.json"], strict=True)
    assert "data:" not in texts["report.json"] + texts["junit.xml"]
    assert "data:image" in texts["report.html"]
