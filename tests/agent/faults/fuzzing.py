"""Made-up requests for `/verify`: spoilt in every way we know, with live doors nearby.

The entry is the one that granian calls, without a server around it. Whether a
request may pass is judged here by other means than the gate's: a 2xx is right only if
the request holds, once and in plain form, a cookie or key that is live at that site.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from auth_agent.callers import Caller
from auth_agent.config.model import Site
from auth_agent.sessions.model import HEADER_NAMES
from auth_agent.web.cookies import Cookie

from tests.agent.conftest import BROWSER, SITE, World, make_config
from tests.agent.web.headers import Headers
from tests.agent.web.inside import Channel, Inside, Scope

PAUSE = 1_000
"""Requests after which the loop may do other things."""

OTHER_SITE = "wiki.example.com"

HOSTS = (
    *[SITE] * 40,
    *[OTHER_SITE] * 10,
    *("APP.example.com", f"{SITE}:443", f"{SITE}.", OTHER_SITE, "auth.example.com"),
    *("", "x", f"{SITE}@evil.example", f"{SITE}\0", f"evil.example, {SITE}", "[::1]"),
    *(f"{SITE}:0x50", f"{SITE}/", f" {SITE}", "\uff41pp.example.com", "a" * 300),
)
TARGETS = (
    *[f"/articles/{number}?page=2" for number in range(60)],
    *("/", "/files/a.pdf", "/status", "/Files/A.pdf", "/Admin", "/admin/users"),
    *("/jobs", "/%61dmin", "/a/%2e%2e/admin", "/a/../admin", "//admin", "/admin;x"),
    *("/a%2fb", "/%00", "/a\0b", "/a b", "/\u202eadmin", "/ä", "/%c3%a4", "/%ff"),
    *("", "admin", "*", "http://x/", "/#x", "/%", "/%zz", "/\\admin", "/?\n", "/."),
    "/" + "a" * 9_000,
)
METHODS = (*["GET"] * 8, *["POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PURGE"])
BAD_METHODS = ("", "get", "GET ", "G\0T", "GET,POST", "A" * 30)
SCHEMES = (*["https"] * 20, "http", "HTTPS", "", "wss", "https,http")
EXTRA = (
    *[("remote-user", "root"), ("remote_user", "root"), ("remote-role", "admin")],
    *[("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "websocket")],
    *[("sec-fetch-site", "cross-site"), ("upgrade", "websocket"), ("accept", "*/*")],
    *[("origin", "https://evil.example"), ("origin", f"https://{SITE}")],
    *[("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "1.2.3.4, 5.6.7.8")],
    *[("x-forwarded-host", SITE), ("x-forwarded-uri", "/"), ("cookie", "a=b")],
    *[("x-original-url", "/"), ("x-http-method-override", "GET"), ("accept", "\0")],
)
ODD = "\0\t\r\n ;=,\"%'\\\x7f\x80ÿ\u2028\ud800\U0001d7d8A_-"


@dataclass
class Doors:
    """Live tokens with their site and owner; live keys with theirs; and dead ones."""

    cookies: dict[str, tuple[str, str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)


@dataclass
class Fuzzer:
    """Sends made-up requests; *wrong* says what should not have passed, or failed."""

    inside: Inside
    doors: Doors
    dice: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def run(self, count: int) -> None:
        """Send *count* requests."""
        self.inside.world.do(self._run(count))

    async def _run(self, count: int) -> None:
        for number in range(count):
            scope, channel = self.request(), Channel()
            await self.inside.entry.__rsgi__(scope, channel)
            self.judge(scope, channel)
            if number % PAUSE == 0:
                await asyncio.sleep(0)  # what the gate notes is written meanwhile

    def close(self) -> None:
        """Stop the agent."""
        world = self.inside.world
        world.do(world.services.close())
        world.loop.close()

    def judge(self, scope: Scope, channel: Channel) -> None:
        """Compare the answer with what the request holds."""
        status = channel.status
        self.statuses[status] += 1
        if status >= 500 or status < 200:
            self.wrong.append(f"{status}: {scope}")
        elif status < 300:
            names = [name for name, _ in channel.headers]
            user = dict(channel.headers).get("remote-user")
            if sorted(names) != sorted(HEADER_NAMES) or user != self.owner(scope):
                self.wrong.append(f"{status} for {user!r}: {scope}")

    def owner(self, scope: Scope) -> str | None:
        """Return whom the request proves to be of, None for nobody."""
        every = scope.headers.get_all
        hosts = every("x-forwarded-host")
        credentials, lines = every("authorization"), every("cookie")
        if len(hosts) != 1 or len(credentials) > 1:
            return None
        if credentials and credentials[0].startswith("Bearer kgk_"):
            return self.doors.keys.get(credentials[0].removeprefix("Bearer "))
        tokens = [
            part.strip(" ").removeprefix(f"{Cookie.SITE}=")
            for part in "".join(lines).split(";")
            if part.strip(" ").startswith(f"{Cookie.SITE}=")
        ]
        if len(lines) != 1 or len(tokens) != 1:
            return None
        site, name = self.doors.cookies.get(tokens[0], ("", ""))
        plain = hosts[0].lower().partition(":")[0].removesuffix(".")
        return name if name and site == plain else None

    def request(self) -> Scope:
        """Return a request: the proxy's headers, a door that fits or not, spoilt."""
        dice = self.dice
        pick, chance = dice.choice, dice.random
        pairs = [
            ("x-forwarded-host", pick(HOSTS)),
            ("x-forwarded-uri", pick(TARGETS)),
            ("x-forwarded-method", pick(METHODS if chance() < 0.9 else BAD_METHODS)),
            ("x-forwarded-proto", pick(SCHEMES)),
        ]
        if chance() < 0.8:
            pairs.append(("cookie", self.cookie()))
        if chance() < 0.2:
            pairs.append(("authorization", self.credentials()))
        pairs += [pick(EXTRA) for _ in range(dice.choice((0, 0, 1, 3)))]
        if chance() < 0.3:
            at = dice.randrange(len(pairs))
            name, value = pairs[at]
            pairs[at] = (name, self.spoilt(value))
        if chance() < 0.05:
            pairs.append(pick(pairs))
        if chance() < 0.05:
            del pairs[dice.randrange(len(pairs))]
        return Scope(pick(METHODS), "/verify", "", Headers(pairs))

    def token(self) -> str:
        """Return a token: live, dead, live elsewhere, or none at all."""
        doors, dice = self.doors, self.dice
        kind = dice.random()
        if kind < 0.6:
            return dice.choice(list(doors.cookies))
        if kind < 0.9:
            return dice.choice(doors.dead)
        return "".join(dice.choices("abcXYZ019_-", k=dice.choice((0, 42, 43, 44, 99))))

    def cookie(self) -> str:
        """Return a Cookie header."""
        dice = self.dice
        parts = [f"{Cookie.SITE}={self.token()}"]
        if dice.random() < 0.5:
            parts.insert(
                dice.randrange(2), dice.choice(("a=b", "theme=dark", "x", "="))
            )
        if dice.random() < 0.1:
            name = dice.choice((*Cookie, "__host-auth-site", f"x{Cookie.SITE}"))
            parts.insert(dice.randrange(2), f"{name}={self.token()}")
        return dice.choice(("; ", "; ", "; ", ";", " ; ", ", ")).join(parts)

    def credentials(self) -> str:
        """Return an Authorization header."""
        dice = self.dice
        scheme = dice.choice(
            ("Bearer ", "Bearer ", "bearer ", "Basic ", "", "Bearer  ")
        )
        key = dice.choice((*self.doors.keys, *self.doors.dead))
        return scheme + key

    def spoilt(self, value: str) -> str:
        """Return *value* with a character changed, put in, taken out, or cut off."""
        dice = self.dice
        at = dice.randrange(len(value) + 1)
        odd = dice.choice(ODD)
        return dice.choice(
            (
                value[:at] + odd + value[at:],
                value[:at] + odd + value[at + 1 :],
                value[:at] + value[at + 1 :],
                value[:at],
                value + value,
                value.swapcase(),
            )
        )


def made(folder: Path, seed: int) -> Fuzzer:
    """Return a fuzzer of an agent in this process; no path of its sites is public."""
    sites = tuple(Site(host=host) for host in (SITE, OTHER_SITE))
    config = msgspec.structs.replace(make_config(folder), sites=sites)
    world = World(config)
    doors = Doors()
    old = world.log_in(world.person("old"))
    doors.dead.append(world.site_token(old))
    world.clock.advance(config.login.idle + 1)
    for name, role in (("ada", "viewer"), ("eli", "editor")):
        login = world.log_in(world.person(name, role))
        for site in (SITE, OTHER_SITE):
            doors.cookies[world.site_token(login, site)] = (site, name)
    for name in ("out", "off"):
        person = world.person(name)
        opened = world.log_in_step(person)
        login = opened.login_or_fail()
        doors.dead += [world.site_token(login), opened.step.token]
        if name == "out":
            world.do(world.services.login.logout(login, BROWSER))
        else:
            world.do(world.services.accounts.disable(Caller.cli(), person.id))
    caller = world.caller(world.person("kay", "editor"))
    for number in range(2):
        info, text = world.do(
            world.services.keys.create(
                caller, name=f"k{number}", scopes=("app.view", "jobs.run")
            )
        )
        if number:
            world.do(world.services.keys.revoke(caller, info.id))
            doors.dead.append(text)
        else:
            doors.keys[text] = "kay"
    dice = random.Random(seed)  # noqa: S311 - to be the same in every run
    return Fuzzer(Inside.of(world), doors, dice)
