"""From nobody to the app: a first login, a second factor, and who the app sees."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pyotp

from keepgate.demo.visitor import StoryError, UntrustedError, shown
from keepgate.report.story import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keepgate.demo.visitor import Answer, Visitor

NAME: Final = "ada"
SEEN_AS: Final = "Ada Lovelace"
DEEP: Final = "/week/47?from=mail"
"""Where in the app one wants to go: kept through the login."""

TOLD: Final = ("user", "name", "role", "permissions", "auth", "id")
"""What the app is told of whoever comes, each in a header `Remote-…`."""

COOKIE: Final = "__Host-auth-site"
"""Name of the agent's cookie for a session at a site."""

_STEP: Final = 30
"""Seconds for which a code stands (RFC 6238)."""

_LINK: Final = re.compile(r"https://\S+/link/first-admin/\S+")
_SECRET: Final = re.compile(r'class="secret">([A-Z2-7]+)<')
_CODES: Final = re.compile(r"<li><code>[^<]+</code>")


@dataclass
class Member:
    """The account that the demo makes. Its secrets stay in this object."""

    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    totp: pyotp.TOTP | None = field(default=None, repr=False)
    used: int = 0

    def code(self) -> str:
        """Return a code of the authenticator app that was not used yet.

        It is at most one step ahead of time, as far as the agent allows: a third one
        within a minute is waited for.
        """
        if self.totp is None:
            message = f"{NAME} has no authenticator app yet"
            raise StoryError(message)
        step = max(int(time.time()) // _STEP, self.used + 1)
        while step > int(time.time()) // _STEP + 1:
            time.sleep(0.2)
        self.used = step
        return str(self.totp.at(step * _STEP))


@dataclass
class Visit:
    """One browser on its way through the *app* and the *login* pages (addresses).

    *look* is shown each page worth a picture: the scene's id, its address, the
    browser's cookies, and what is seen there in words.
    """

    app: str
    login: str
    visitor: Visitor
    look: Callable[[str, str, Mapping[str, Mapping[str, str]], str], None]
    member: Member = field(default_factory=Member)
    scenes: list[Scene] = field(default_factory=list)

    def greet(self) -> list[str]:
        """Return whose keys the sites have, each as `Visitor.key` does.

        Raises:
            StoryError: a certificate is not good, or there is no answer.
        """
        names = [urlsplit(url).hostname or "" for url in (self.app, self.login)]
        keys = [self.visitor.key(name) for name in names]
        try:
            replace(self.visitor, authority="").key(names[0])
        except UntrustedError as error:
            others, holds = error.message, True
        else:
            others, holds = "trusted by everybody", False
        self._scene(
            "certificates",
            "App and login show certificates of the host's own authority",
            "good by its root, read over SSH; good to nobody without it",
            f"{len(keys)} good; without the root, {others}",
            holds=holds,
        )
        return keys

    def first_login(self, told: str) -> None:
        """Make the first administrator by the link in *told*, with two factors.

        Raises:
            StoryError: a page is not what it should be.
        """
        link = _LINK.search(told)
        if link is None:
            message = "`auth-agent first-admin` shows no link"
            raise StoryError(message, "see the agent's journal on the host")
        self._look("first", link[0], "The form that makes the first administrator")
        page = self.visitor.ask(link[0])
        made = self.visitor.submit(
            page,
            "/link/first-admin/",
            name=NAME,
            display_name=SEEN_AS,
            email=f"{NAME}@example.org",
            password=self.member.password,
            again=self.member.password,
        )
        again = self.visitor.ask(link[0])
        self._scene(
            "first",
            "A link, shown once over SSH, makes the first administrator",
            "the account is made; the link opens nothing more",
            f"{_said(made)}; the link again: {again.status}",
            holds=made.leads_to == f"{self.login}/login" and again.status >= 400,  # noqa: PLR2004 - HTTP
        )
        duty = self._password(self.visitor.follow(made))
        self._look("factor", duty.url, "The page that asks for a second factor")
        drawn = self.visitor.submit(duty, "/do/me.totp-begin")
        secret = _SECRET.search(drawn.text)
        if secret is None:
            message = f"{duty.shown} shows no secret for an authenticator app"
            raise StoryError(message, "see the agent's journal on the host")
        self.member.totp = pyotp.TOTP(secret[1])
        done = self.visitor.submit(
            drawn, "/do/me.totp-confirm", code=self.member.code()
        )
        codes = len(_CODES.findall(done.text))
        self._scene(
            "factor",
            "An administrator owes a second factor before anything else",
            "an authenticator app is set up; recovery codes are shown once",
            f"{duty.shown}, then {done.status}: {codes} recovery codes",
            holds=duty.shown == f"{self.login}/duty" and codes > 0,
        )

    def enter(self) -> str:
        """Log in on the way to the app; return who the app sees, empty if nobody.

        Raises:
            StoryError: a page is not what it should be.
        """
        self.visitor.cookies.clear()  # somebody comes by another browser
        asked = self.visitor.ask(f"{self.app}{DEEP}")
        page = self.visitor.follow(asked)
        self._look("login", page.url, "The login page")
        self._scene(
            "login",
            "Nobody asks for a page of the app, and is led to the login",
            "a redirect to the login pages, nothing of the app",
            _said(asked),
            holds=shown(asked.leads_to) == f"{self.login}/login",
        )
        second = self._password(page)
        self._look("second", second.url, "The page that asks for the code")
        self._scene(
            "second",
            "The password alone does not do",
            "a code is asked for, and there is no session at the app yet",
            f"{second.shown}; {'a' if self.session else 'no'} session at the app",
            holds=second.shown == f"{self.login}/second" and not self.session,
        )
        inside = self.visitor.follow(
            self.visitor.submit(second, "/second", code=self.member.code())
        )
        who = self.told()
        self._look("app", inside.url, "The app, which shows who came")
        means = who["auth"].replace(",", " and ")
        known = f"{who['user']} ({who['name']}), {who['role']}, by {means}"
        self._scene(
            "app",
            "The code leads to the page asked for, and the app knows who came",
            f"{DEEP}, and {NAME}, an administrator with two factors",
            f"{inside.url.removeprefix(self.app)}: {known}",
            holds=inside.url == f"{self.app}{DEEP}"
            and (who["user"], who["role"]) == (NAME, "admin")
            and who["auth"] == "password,totp",
        )
        return known if who["user"] else ""

    def told(self, path: str = "/", headers: Mapping[str, str] | None = None) -> Told:
        """Return what the app is told of this browser at *path*.

        Raises:
            StoryError: the app is not reached.
        """
        return told(self.visitor, f"{self.app}{path}", headers)

    @property
    def session(self) -> str:
        """The cookie that opens the app, empty without one."""
        jar = self.visitor.cookies.get(urlsplit(self.app).hostname or "", {})
        return jar.get(COOKIE, "")

    def _password(self, page: Answer) -> Answer:
        """Give name and password at the login *page*; return what comes next."""
        given = {"name": NAME, "password": self.member.password}
        return self.visitor.follow(self.visitor.submit(page, "/login", **given))

    def _look(self, scene: str, url: str, words: str) -> None:
        self.look(scene, url, self.visitor.cookies, words)

    def _scene(
        self, name: str, title: str, expected: str, seen: str, *, holds: bool
    ) -> None:
        self.scenes.append(
            Scene(id=name, title=title, expected=expected, seen=seen, holds=holds)
        )


Told = dict[str, str]


def told(visitor: Visitor, url: str, headers: Mapping[str, str] | None = None) -> Told:
    """Return what the app at *url* is told of *visitor*.

    Raises:
        StoryError: the app is not reached.
    """
    asked = {"Accept": "application/json", "Sec-Fetch-Mode": "cors"}
    answer = visitor.ask(url, headers={**asked, **(headers or {})})
    try:
        found = json.loads(answer.text)
        return {name: str(found[name]) for name in TOLD}
    except (ValueError, TypeError, KeyError) as error:
        message = f"{answer.shown} answers {answer.status}, and not as the app does"
        raise StoryError(message, "see whoami's journal on the host") from error


def _said(answer: Answer) -> str:
    """Return how *answer* looks, without secrets."""
    place = answer.leads_to
    return f"{answer.status}, to {shown(place)}" if place else str(answer.status)
