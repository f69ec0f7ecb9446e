"""The demo's story, step by step: a first login, an app, pictures, attacks."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deploys.caddy import places
from deploys.common.errors import KeepgateError
from keepgate.cli import words
from keepgate.demo.attacks import Attacks
from keepgate.demo.camera import camera
from keepgate.demo.chromium import CameraError
from keepgate.demo.visit import NAME, Visit
from keepgate.demo.visitor import StoryError, Visitor
from keepgate.engine import agent
from keepgate.lab.ssh import ssh
from keepgate.report.story import Scene, Story
from keepgate.verify.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deploys.edge import Target
    from keepgate.cli.steps import Steps
    from keepgate.demo.camera import Camera
    from keepgate.lab import LabHost
    from keepgate.report.story import Picture

_NONE: Final = "no pictures"


@dataclass
class Film:
    """The pictures that there are, by scene; *why* there are none, or no more."""

    camera: Camera | None = None
    why: str = ""
    pictures: dict[str, Picture] = field(default_factory=dict)

    def load(
        self, stack: ExitStack, address: str, names: Sequence[str], keys: Sequence[str]
    ) -> str:
        """Start a browser, if there is one, until *stack* is closed; say if not."""
        try:
            self.camera = stack.enter_context(camera(address, names, keys))
        except CameraError as error:
            self._no_more(error)
        return "" if self.camera else self.told

    def look(
        self,
        scene: str,
        url: str,
        cookies: Mapping[str, Mapping[str, str]],
        alt: str,
    ) -> None:
        """Take a picture for *scene*; without a browser there is none."""
        if self.camera is None:
            return
        try:
            self.pictures[scene] = self.camera.picture(url, cookies, alt)
        except CameraError as error:
            self._no_more(error)

    @property
    def told(self) -> str:
        """How many pictures there are, and why there are no more."""
        many = words.counted(len(self.pictures), "picture")
        said = many if self.pictures else _NONE
        return f"{said}: {self.why}" if self.why else said

    def _no_more(self, error: CameraError) -> None:
        self.camera = None
        self.why = f"{error.message}; {error.fix}" if error.fix else error.message


def authority(host: LabHost) -> str:
    """Return the certificate of the host's own authority, read over SSH.

    Raises:
        StoryError: there is none.
    """
    done = ssh(host, ["sudo", "-n", "cat", places.ROOT], captured=True)
    if done.returncode:
        message = f"{host.name} has no authority of its own: {done.stderr.strip()}"
        raise StoryError(message, "see Caddy's journal on the host")
    return done.stdout


def tell(
    steps: Steps, target: Target, host: LabHost, root: str
) -> tuple[Story, dict[str, Picture]]:
    """Carry out the story on *host*, whose authority is *root*; return what came of it.

    What does not come about is a scene that does not hold, and ends the story.
    """
    site, login = target.settings.sites[0], target.settings.caddy.login
    names = (site.host, login.host if login else site.host)
    visitor, film, who = Visitor(host.address4, root), Film(), [""]
    app, pages = (f"https://{name}" for name in names)
    visit = Visit(app, pages, visitor, film.look)
    attacks = Attacks(host, visit)

    def enter() -> str:
        who[0] = visit.enter()
        return f"{app} knows {who[0] or 'nobody'}"

    def open_browser() -> str:
        # It has no root of ours: it takes the keys that were found good with it.
        said = film.load(stack, host.address4, names, visit.greet())
        return said or "it takes the pictures"

    with ExitStack() as stack:
        chapters: list[tuple[str, list[Scene], Callable[[], str]]] = [
            ("open a browser", visit.scenes, open_browser),
            ("first login", visit.scenes, lambda: _first(target, visit)),
            ("log in to the app", visit.scenes, enter),
            ("forge an identity", attacks.scenes, attacks.forge),
            ("guess passwords", attacks.scenes, attacks.guess),
            ("use an ended session", attacks.scenes, attacks.reuse),
        ]
        for name, scenes, work in chapters:
            if not chapter(steps, name, scenes, work):
                break
    story = Story(
        app=app,
        login=pages,
        who=who[0],
        visit=tuple(visit.scenes),
        attacks=tuple(attacks.scenes),
        pictures=film.told,
    )
    return story, film.pictures


def clear(steps: Steps, target: Target, story: Story) -> None:
    """Take the demo's own way in away, so that the first login is somebody else's.

    The account stays, without password and factors; nobody keeps the link that would
    set them anew.
    """
    if not any(scene.id == "first" and scene.holds for scene in story.visit):
        return
    with steps.step("leave the first login to you") as step, connect(target) as opened:
        wire = agent.Wire(opened.config, opened.name)
        status, _ = agent.show_once(wire, ("users", "recover", "--", NAME))
        step.fine = status == 0
        step.end(f"{NAME} cannot log in any more" if step.fine else f"status {status}")


def _first(target: Target, visit: Visit) -> str:
    """Have the link made as `keepgate agent first-admin` does, and use it."""
    with connect(target) as opened:
        wire = agent.Wire(opened.config, opened.name)
        status, told = agent.show_once(wire, ("first-admin",))
    if status:
        message = f"`auth-agent first-admin` ends with {status}"
        raise StoryError(message, "see the agent's journal on the host")
    visit.first_login(told)
    return "an administrator with two factors"


def chapter(
    steps: Steps, name: str, scenes: list[Scene], work: Callable[[], str]
) -> bool:
    """Carry out one chapter; return whether it came to its end, good or bad.

    One that does not is told by a scene more, which does not hold.
    """
    known = len(scenes)
    with steps.step(name) as step:
        try:
            step.end(work())
        except KeepgateError as error:
            scenes.append(
                Scene(
                    id=f"{name.replace(' ', '-')}-broken",
                    title=name.capitalize(),
                    expected="it comes about",
                    seen=error.message,
                    holds=False,
                )
            )
            step.end(error.message)
            return False
        finally:
            step.fine = all(scene.holds for scene in scenes[known:])
    return True
