"""Pictures of pages as somebody sees them who has certain cookies."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keepgate.demo.chromium import CameraError, Chromium, chromium
from keepgate.demo.visitor import shown
from keepgate.report.story import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH: Final = 480
HEIGHTS: Final = (400, 1100)
"""Pixels (CSS) of a page: the least and the most that is shown of it."""

SCALE: Final = 2
QUALITY: Final = 82
TRIES: Final = 6
CHANGED: Final = "net::ERR_NETWORK_CHANGED"

_REST: Final = """\
new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  document.activeElement?.blur();
  done();
})))"""
"""Takes the caret away, which blinks: after the frame in which a field gets it."""


@dataclass(frozen=True)
class Camera:
    """Takes pictures with a running browser."""

    browser: Chromium

    def picture(
        self, url: str, cookies: Mapping[str, Mapping[str, str]], alt: str
    ) -> Picture:
        """Return what is to be seen at *url*, in light and dark.

        *cookies* are by host. Each picture is taken in a profile of its own, which is
        gone afterwards; *alt* says in words what is seen.

        Raises:
            CameraError: the page does not show, or not all of it.
        """
        made = self.browser.do("Target.createBrowserContext")
        profile = {"browserContextId": made["browserContextId"]}
        try:
            page = self.browser.do("Target.createTarget", url="about:blank", **profile)
            opened = self.browser.do(
                "Target.attachToTarget", targetId=page["targetId"], flatten=True
            )
            return _Page(self.browser, str(opened["sessionId"])).taken(
                url, cookies, alt
            )
        finally:
            self.browser.do("Target.disposeBrowserContext", **profile)


@contextmanager
def camera(address: str, names: Sequence[str], keys: Sequence[str]) -> Iterator[Camera]:
    """Have a camera for as long as the block lasts; see `chromium`.

    Raises:
        CameraError: there is no browser, or it does not start.
    """
    with chromium(address, names, keys) as browser:
        yield Camera(browser)


@dataclass(frozen=True)
class _Page:
    browser: Chromium
    session: str

    def taken(
        self, url: str, cookies: Mapping[str, Mapping[str, str]], alt: str
    ) -> Picture:
        self._do("Page.enable")
        self._do("Network.enable")
        self._size(HEIGHTS[0])
        given = [
            {"name": name, "value": text, "url": f"https://{host}/", "secure": True}
            for host, jar in cookies.items()
            for name, text in jar.items()
        ]
        self._do("Network.setCookies", cookies=given)
        self._open(url)
        self._do("Runtime.evaluate", expression=_REST, awaitPromise=True)
        content = self._do("Page.getLayoutMetrics")["cssContentSize"]
        height = min(max(int(content["height"]), HEIGHTS[0]), HEIGHTS[1])
        self._size(height)
        light, dark = self._shot("light"), self._shot("dark")
        return Picture(shown(url), alt, WIDTH, height, light, dark)

    def _open(self, url: str) -> None:
        """Have the page there with all that belongs to it.

        Chromium drops what it loads whenever an interface of this machine comes or
        goes, as throwaway hosts make them do: it is asked once more.
        """
        failed = CHANGED
        for _ in range(TRIES):
            self.browser.events.clear()
            failed = self._do("Page.navigate", url=url).get("errorText", "")
            if not failed:
                self.browser.wait(self.session, "Page.loadEventFired")
                failed = self._lost()
            if failed != CHANGED:
                break
        if not failed:
            return
        message = f"Chromium does not show {shown(url)}: {failed}"
        raise CameraError(message)

    def _lost(self) -> str:
        """Return why a part of the page is missing, empty if none is."""
        return next(
            (
                str(event["params"].get("errorText", "a part is missing"))
                for event in self.browser.events
                if event.get("method") == "Network.loadingFailed"
            ),
            "",
        )

    def _size(self, height: int) -> None:
        self._do(
            "Emulation.setDeviceMetricsOverride",
            width=WIDTH,
            height=height,
            deviceScaleFactor=SCALE,
            mobile=False,
        )

    def _shot(self, scheme: str) -> bytes:
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self._do("Emulation.setEmulatedMedia", features=wanted)
        taken = self._do("Page.captureScreenshot", format="webp", quality=QUALITY)
        return base64.b64decode(taken["data"])

    def _do(self, method: str, **params: object) -> dict[str, Any]:
        return self.browser.do(method, self.session, **params)
