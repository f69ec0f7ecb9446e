"""Chapters of the demo's story: told as they went, also where they broke off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keepgate.cli.steps import Steps
from keepgate.cli.story import chapter
from keepgate.demo.visitor import StoryError
from keepgate.report import Scene

if TYPE_CHECKING:
    import pytest


def _scene(*, holds: bool) -> Scene:
    return Scene(id="x", title="x", expected="so", seen="so", holds=holds)


def test_a_chapter_that_holds_is_marked_so(capsys: pytest.CaptureFixture[str]) -> None:
    """What came of it stands beside it, with its seconds."""
    steps, scenes = Steps(as_json=True), [_scene(holds=False)]

    def work() -> str:
        scenes.append(_scene(holds=True))
        return "all is well"

    assert chapter(steps, "log in", scenes, work)
    assert "● log in  all is well  " in capsys.readouterr().err
    assert "all is well" == steps.document()[0]["result"]


def test_a_scene_that_does_not_hold_marks_its_chapter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The story goes on: the rest is worth knowing, too."""
    scenes: list[Scene] = []

    def work() -> str:
        scenes.append(_scene(holds=False))
        return "0 of 1 refused"

    assert chapter(Steps(as_json=True), "forge", scenes, work)
    assert "✗ forge  0 of 1 refused" in capsys.readouterr().err


def test_a_chapter_that_breaks_off_is_a_scene_that_does_not_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What it broke off at is what was seen, and the story ends."""
    scenes: list[Scene] = []

    def work() -> str:
        message = "https://login.demo.test/login gives no answer"
        raise StoryError(message)

    assert not chapter(Steps(as_json=True), "log in to the app", scenes, work)
    (told,) = scenes
    assert ("log-in-to-the-app-broken", False) == (told.id, told.holds)
    assert "gives no answer" in told.seen
    assert "✗ log in to the app" in capsys.readouterr().err
