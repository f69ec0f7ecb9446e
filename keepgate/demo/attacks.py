"""Attacks on the gate, each really made over TLS, and judged by what came back."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from keepgate import lab
from keepgate.demo import knock
from keepgate.demo.visit import COOKIE, NAME, told
from keepgate.demo.visitor import StoryError, shown
from keepgate.lab.ssh import ssh
from keepgate.report.story import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keepgate.demo.visit import Visit
    from keepgate.demo.visitor import Visitor
    from keepgate.lab import LabHost

FORGED: Final = {
    "Remote-User": "root",
    "Remote_User": "root",
    "REMOTE.USER": "root",
    "Remote-Role": "admin",
    "Remote-Permissions": "app.admin",
    "Remote-Id": "1",
    "X-Forwarded-User": "root",
    "X-Forwarded-Host": "login.example.org",
    "X-Forwarded-For": "127.0.0.1",
}
"""What an attacker says of who asks, in the spellings that apps take for the same."""

OPEN: Final = "/open"
"""A path that the demo's inventory makes public."""

SECONDS: Final = 120.0
"""Within these the guesses must have led to a ban, on a busy machine too."""

JAIL: Final = "keepgate-login"
_SET: Final = f"nft -j list set inet keepgate_bans {JAIL}_4"


@dataclass
class Attacks:
    """What is tried against the *host* while the *visit* is logged in there."""

    host: LabHost
    visit: Visit
    scenes: list[Scene] = field(default_factory=list)

    def forge(self) -> str:
        """Claim to be somebody: by headers, and by a cookie that nobody was given.

        Raises:
            StoryError: no answer came.
        """
        visit = self.visit
        self._led_to_login(
            "forged",
            "Forged identity headers without a login",
            self._stranger().ask(f"{visit.app}/", headers=FORGED).leads_to,
        )
        nobody = told(self._stranger(), f"{visit.app}{OPEN}", FORGED)
        self._scene(
            "forged-public",
            "The same at a public page of the app",
            "the app is told of nobody",
            f"told of {nobody['user'] or 'nobody'}, role {nobody['role'] or 'none'}",
            holds=not any(nobody.values()),
        )
        inside = visit.told("/", FORGED)
        self._scene(
            "forged-inside",
            f"The same by {NAME}, who is logged in, to become root",
            f"the app is told of {NAME}",
            f"told of {inside['user'] or 'nobody'}",
            holds=inside["user"] == NAME,
        )
        stranger = self._stranger(secrets.token_urlsafe(32))
        self._led_to_login(
            "made-up-cookie",
            "A session cookie that was never given",
            stranger.ask(f"{visit.app}/").leads_to,
        )
        refused = sum(scene.holds for scene in self.scenes)
        return f"{refused} of {len(self.scenes)} came to nothing"

    def guess(self) -> str:
        """Guess the password from the lab's second address until it is banned.

        Raises:
            StoryError: there is no second address.
        """
        other = lab.attacker()
        try:
            answers = self._guesses(other)
            held = other.address4 in self._banned()
            after = self._knock(other, 0.0) if held else []
            mine = self.visit.told()["user"]
        finally:
            forgive = self._root(f"fail2ban-client unban {other.address4}")
            ssh(self.host, forgive, captured=True)
        said, holds = judged(answers, after, held=held)
        self._scene(
            "guesses",
            f"Passwords for {NAME} are guessed from a second address",
            f"none is let in; the address is banned and shut out; {NAME} goes on",
            f"{other.address4}: {said}; meanwhile the app knows {mine or 'nobody'}",
            holds=holds and mine == NAME,
        )
        return said

    def reuse(self) -> str:
        """Sign out, and come with the cookie that opened the app before.

        Raises:
            StoryError: no answer came.
        """
        visitor, before = self.visit.visitor, self.visit.session
        ended = visitor.submit(visitor.ask(f"{self.visit.login}/logout"), "/logout")
        left = visitor.follow(ended).status
        stranger = self._stranger(before)
        self._led_to_login(
            "ended-cookie",
            "The cookie of that very session, after signing out",
            stranger.ask(f"{self.visit.app}/").leads_to,
            holds=bool(before) and left == 200,  # noqa: PLR2004 - HTTP
        )
        return "led to the login" if self.scenes[-1].holds else "it still opens"

    def _stranger(self, cookie: str = "") -> Visitor:
        """Return a browser that was never here, with a *cookie* from somewhere."""
        known = self.visit.visitor
        host = urlsplit(self.visit.app).hostname or ""
        given = {host: {COOKIE: cookie}} if cookie else {}
        return replace(known, cookies=given)

    def _guesses(self, other: lab.Attacker) -> list[int]:
        until = time.monotonic() + SECONDS
        answers: list[int] = []
        while time.monotonic() < until:
            answers += self._knock(other, until - time.monotonic())
            # A busy host may be slow to answer, without any ban.
            if other.address4 in self._banned():
                break
        return answers

    def _knock(self, other: lab.Attacker, seconds: float) -> list[int]:
        """Guess from there until nothing comes back; at least once."""
        asked = {
            "address": self.visit.visitor.address,
            "authority": self.visit.visitor.authority,
            "login": self.visit.login,
            "name": NAME,
            "seconds": seconds,
        }
        done = subprocess.run(  # noqa: S603 - our own program, in a network of the lab's
            [*other.prefix, sys.executable, "-P", "-m", knock.__name__],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            found: list[int] = json.loads(done.stdout)
        except ValueError as error:
            message = f"the guessing ended with {done.returncode}: {done.stderr[-200:]}"
            raise StoryError(message, "run again") from error
        return found

    def _banned(self) -> set[str]:
        """Return the addresses that the host's packet filter drops for the jail."""
        return elements(ssh(self.host, self._root(_SET), captured=True).stdout)

    def _led_to_login(
        self, name: str, title: str, place: str, *, holds: bool = True
    ) -> None:
        login = f"{self.visit.login}/login"
        self._scene(
            name,
            title,
            "nothing of the app; a redirect to the login",
            f"led to {shown(place)}" if place else "not led to the login",
            holds=holds and bool(place) and shown(place) == login,
        )

    def _scene(
        self, name: str, title: str, expected: str, seen: str, *, holds: bool
    ) -> None:
        self.scenes.append(
            Scene(id=name, title=title, expected=expected, seen=seen, holds=holds)
        )

    @staticmethod
    def _root(command: str) -> list[str]:
        return ["sudo", "-n", *command.split()]


def judged(
    answers: Sequence[int], after: Sequence[int], *, held: bool
) -> tuple[str, bool]:
    """Return what guesses came to, in words, and whether that is as it shall be.

    *answers* are the statuses of all guesses, 0 for none; *after* those of the guesses
    made once the packet filter *held* the address.
    """
    refused = Counter(status for status in answers if status)
    let_in = any(not 400 <= status < 500 for status in refused)  # noqa: PLR2004 - HTTP
    shut_out = held and bool(after) and not any(after)
    each = ", ".join(f"{count} with {status}" for status, count in refused.items())
    end = {
        (True, True): "then banned and shut out",
        (True, False): "banned, and not shut out",
    }.get((held, shut_out), "never banned")
    said = f"{refused.total()} guesses refused ({each}), {end}"
    if let_in:
        said = f"let in, or worse ({each})"
    return said, bool(refused) and not let_in and shut_out


def elements(listed: str) -> set[str]:
    """Return the addresses of a set as `nft -j list set` tells it.

    Text that is none has none (libnftables-json(5)).
    """
    try:
        told: dict[str, Any] = json.loads(listed)
    except ValueError:
        return set()
    found = [
        element
        for entry in told.get("nftables", ())
        for element in entry.get("set", {}).get("elem", ())
    ]
    plain = (
        one["elem"]["val"] if isinstance(one, dict) and "elem" in one else one
        for one in found
    )
    return {one for one in plain if isinstance(one, str)}
