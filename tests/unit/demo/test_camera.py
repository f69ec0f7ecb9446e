"""Pictures by a real Chromium, of a site over TLS on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typing_extensions import override

from keepgate.cli.story import Film
from keepgate.demo import camera as pictures
from keepgate.demo.camera import Camera, camera
from keepgate.demo.chromium import CameraError
from keepgate.report import Picture
from tests.agent.tools import needed
from tests.unit.demo.conftest import APP, LOGIN, Reply, Request, Site
from tests.unit.demo.webp import size

STYLE = """<style>
html { background: #fff }
@media (prefers-color-scheme: dark) { html { background: #000 } }
</style>"""
TALL = '<div style="height: 700px">tall</div>'


@pytest.fixture
def opened(site: Site) -> Iterator[Camera]:
    """A camera that believes the site's key, and finds it at its port."""
    needed("chromium")
    with camera(f"127.0.0.1:{site.port}", [APP], [site.visitor().key(APP)]) as made:
        yield made


def _page(asked: Request) -> Reply:
    """Show much to who has the cookie, and little to others."""
    tall = TALL if "token=yes" in asked.headers.get("cookie", "") else ""
    return Reply(200, f"{STYLE}{tall}", (("Content-Type", "text/html"),))


def test_a_picture_shows_what_a_login_sees(site: Site, opened: Camera) -> None:
    """The page behind the cookie, whole, in light and dark, and sharp."""
    site.answering = _page

    inside = opened.picture(f"https://{APP}/x?code=1", {APP: {"token": "yes"}}, "Tall")
    outside = opened.picture(f"https://{APP}/x", {}, "Short")

    assert (f"https://{APP}/x", "Tall") == (inside.url, inside.alt)
    assert inside.height >= 700
    assert outside.height == pictures.HEIGHTS[0]  # and no cookie was left
    for shot in (inside, outside):
        wanted = shot.width * pictures.SCALE, shot.height * pictures.SCALE
        assert [wanted] * 2 == [size(shot.light), size(shot.dark)]
        assert shot.light != shot.dark


def test_a_page_without_all_its_parts_is_no_picture(site: Site, opened: Camera) -> None:
    """Neither where a part cannot be had, nor where nothing is."""
    site.answering = lambda _: Reply(
        200, f'<img src="https://{LOGIN}/a">', (("Content-Type", "text/html"),)
    )

    with pytest.raises(CameraError, match=f"does not show https://{APP}/"):
        opened.picture(f"https://{APP}/", {}, "A part is elsewhere")
    with pytest.raises(CameraError, match="ERR_NAME_NOT_RESOLVED"):
        opened.picture(f"https://{LOGIN}/", {}, "No such name")


def test_another_key_is_not_believed(site: Site) -> None:
    """A certificate that no key was named for shows nothing."""
    needed("chromium")
    site.answering = _page
    with (
        camera(f"127.0.0.1:{site.port}", [APP], ["A" * 43 + "="]) as made,
        pytest.raises(CameraError, match="ERR_CERT"),
    ):
        made.picture(f"https://{APP}/", {}, "Nothing")
    assert [] == site.seen


def test_without_a_browser_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The story goes on without pictures, and how to have them is told."""
    monkeypatch.setenv("PATH", str(tmp_path))
    film = Film()
    with ExitStack() as stack:
        said = film.load(stack, "192.0.2.1", [APP], [])
        film.look("first", f"https://{APP}/", {}, "Nothing")

    assert "no pictures: chromium is not installed; `.ci/setup lab` installs it" == said
    assert {} == film.pictures


def test_a_browser_that_does_not_start_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is told as a missing one is."""
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    film = Film()
    with ExitStack() as stack:
        said = film.load(stack, "192.0.2.1", [APP], [])

    assert "no pictures: Chromium does not answer" == said


class _Failing(Camera):
    """Takes one picture, and fails from then on."""

    @override
    def picture(self, url: str, cookies: object, alt: str) -> Picture:
        """Take it."""
        del cookies
        if "second" in url:
            message = "Chromium does not answer"
            raise CameraError(message)
        return Picture(url, alt, 1, 1, b"", b"")


def test_a_browser_that_ends_leaves_the_pictures_that_there_are() -> None:
    """And is not asked again."""
    film = Film(_Failing(browser=None))  # type: ignore[arg-type] # it asks no browser
    for name in ("first", "second", "third"):
        film.look(name, f"https://{APP}/{name}", {}, name)

    assert ["first"] == list(film.pictures)
    assert "1 picture: Chromium does not answer" == film.told
