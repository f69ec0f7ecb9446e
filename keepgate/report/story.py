"""What a demo shows beside the controls: scenes, judged, and pictures of some."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from deploys.common.model import Model


@dataclass(frozen=True)
class Picture:
    """What a browser shows at *url*, as WebP in *light* and *dark*.

    *width* and *height* are pixels of the page; the pictures may have more.
    """

    url: str
    alt: str
    width: int
    height: int
    light: bytes
    dark: bytes


class Scene(Model):
    """One thing that was done, and what came of it."""

    id: str = Field(description="Stable id of the scene.")
    title: str = Field(description="What was done.")
    expected: str = Field(description="What shall come of it.")
    seen: str = Field(description="What came of it. Holds no secret.")
    holds: bool = Field(description="Whether that is as it shall be.")


class Story(Model):
    """How an app was reached through TLS and login, and who was refused."""

    app: str = Field(description="Address of the app.")
    login: str = Field(description="Address of the login pages.")
    who: str = Field(description="What the app knew of who came; empty if nothing.")
    visit: tuple[Scene, ...] = Field(description="From nobody to the app.")
    attacks: tuple[Scene, ...] = Field(description="What was refused.")
    pictures: str = Field(description="How many there are, or why there are none.")

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """All of it, in order."""
        return self.visit + self.attacks

    @property
    def ok(self) -> bool:
        """Whether all that was done came out as it shall."""
        return bool(self.attacks) and all(scene.holds for scene in self.scenes)
