"""The agent's entry without a server around it, on a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from auth_agent.serving.entry import Entry
from auth_agent.serving.process import make_runtime
from auth_agent.web.actions.base import Runtime
from auth_agent.web.site import build

from tests.agent.conftest import SECRET, Person, World
from tests.agent.web.browser import Browser, Page
from tests.agent.web.headers import Headers


@dataclass
class Scope:
    """A request as granian gives it."""

    method: str
    path: str
    query_string: str
    headers: Headers
    client: str = ""
    scheme: str = "http"


@dataclass
class Channel:
    """Takes the answer, as granian would."""

    body: bytes = b""
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the request's body."""
        if self.body:
            yield self.body

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Take an answer without body."""
        self.status, self.headers = status, headers

    def response_bytes(
        self, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        """Take an answer."""
        self.status, self.headers, self.answer = status, headers, body

    def response_str(
        self, status: int, headers: list[tuple[str, str]], body: str
    ) -> None:
        """Take an answer."""
        self.response_bytes(status, headers, body.encode())

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Channel:
        """Take an answer in parts."""
        self.status, self.headers = status, headers
        return self

    async def send_bytes(self, data: bytes) -> None:
        """Take a part."""
        self.answer += data


@dataclass
class Inside:
    """The entry of an agent in this very process."""

    world: World
    runtime: Runtime
    entry: Entry
    people: dict[str, Person] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, path: Path = Path("/nonexistent")) -> Inside:
        """Return the entry to the services of *world*."""
        runtime, targets = make_runtime(
            world.services, world.config, path, SECRET, world.clock
        )
        entry = Entry(runtime, runtime.gate, build(runtime, targets))
        return cls(world, runtime, entry)

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> Page:
        """Return the answer to one request."""
        pairs = [(name.lower(), value) for name, value in headers.items()]
        if body:
            pairs.append(("content-length", str(len(body.encode()))))
        bare, _, query = path.partition("?")
        channel = Channel(body.encode())
        scope = Scope(method, unquote(bare), query, Headers(pairs))
        self.world.do(self.entry.__rsgi__(scope, channel))
        lower = [(name.lower(), value) for name, value in channel.headers]
        return Page(channel.status, lower, channel.answer.decode())

    def browser(self, ip: str = "192.0.2.1") -> Browser:
        """Return a browser that was never here."""
        return Browser(self, ip)

    def world_person(self, name: str) -> Person:
        """Return whom `sign_in` was called for by that name."""
        return self.people[name]

    def sign_in(self, person: Person) -> Browser:
        """Return a browser in which *person* is logged in."""
        self.people[person.name] = person
        browser = self.browser()
        fields = {"to": "", "name": person.name, "password": person.password}
        answer = browser.submit("/login", "/login", **fields)
        if answer.header("location").startswith("/second"):
            self.world.clock.advance(30)
            code = self.world.code(person)
            answer = browser.submit("/second", "/second", to="", kind="totp", code=code)
        assert answer.status == 303, answer.text
        return browser
