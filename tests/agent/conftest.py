"""An agent in a folder of its own, on a clock that moves only when told to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pyotp
import pytest
from auth_agent.authz.policy import build_policy
from auth_agent.callers import Caller, Client
from auth_agent.clock import ManualClock
from auth_agent.config.model import Config, Login, Passwords, Server, Site
from auth_agent.ids import token_hash
from auth_agent.services import LoginStep, Services, open_services
from auth_agent.sessions.model import Login as LiveLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

T = TypeVar("T")

SECRET = b"s" * 32
LOGIN_HOST = "auth.example.com"
SITE = "app.example.com"
PASSWORD = "velvet tramp owl sock"  # noqa: S105 - of accounts that tests make
"""Long enough to be the only factor, and on no block list."""

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1", request_id="r1", host=SITE)


@dataclass
class Person:
    """An account that a test made, and what its owner knows and carries."""

    id: str
    name: str
    password: str
    secret: str = ""
    codes: tuple[str, ...] = ()
    device: str = ""


@dataclass
class World:
    """The services, their clock, and short ways to say common things."""

    config: Config
    clock: ManualClock = field(default_factory=ManualClock)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    mails: list[tuple[str, str]] = field(default_factory=list)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self.services = self.do(self.open())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what *work* comes to."""
        return self.loop.run_until_complete(work)

    def on_loop(self, work: Callable[[], T]) -> T:
        """Return what *work* gives, called where requests are answered."""

        async def call() -> T:
            return work()

        return self.do(call())

    def send(self, *, to: str, subject: str, text: str) -> None:
        """Take a mail; the world is its own mailer."""
        assert subject
        self.mails.append((to, text))

    def restart(self) -> None:
        """Stop the agent and start it again on the same state."""
        self.do(self.services.close())
        self.services = self.do(self.open())

    async def open(self) -> Services:
        """Return the services on the world's state."""
        return await open_services(
            self.config,
            secret=SECRET,
            clock=self.clock,
            roles=build_policy(self.config).roles,
            mailer=self,
        )

    def person(
        self, name: str, role: str = "viewer", password: str = PASSWORD
    ) -> Person:
        """Return a new account that has accepted its invitation."""
        user, link = self.do(
            self.services.accounts.invite(
                Caller.cli(),
                name=name,
                display_name=name.title(),
                email=f"{name}@example.com",
                role=role,
            )
        )
        self.do(self.services.accounts.accept_invite(link.token, password, BROWSER))
        return Person(user.id, name, password)

    def enrolled(self, name: str, role: str = "admin") -> Person:
        """Return a new account with an authenticator app, logged out again."""
        person = self.person(name, role)
        login = self.log_in(person)
        self.enrol(person, login)
        self.do(self.services.login.logout(login, BROWSER))
        self.clock.advance(30)
        return person

    def enrol(self, person: Person, login: LiveLogin) -> LoginStep:
        """Give *person* an authenticator app and recovery codes."""
        caller = Caller.of(login, BROWSER)
        offer = self.do(self.services.factors.begin_totp(caller))
        person.secret = offer.secret
        step, person.codes = self.do(
            self.services.factors.confirm_totp(caller, self.code(person))
        )
        return step

    def guess(self, person: Person, client: Client = BROWSER) -> None:
        """Try a password that is wrong."""
        self.start(person, client, "wrong")

    def code(self, person: Person, *, steps: int = 0) -> str:
        """Return what the person's authenticator app shows, *steps* from now."""
        at = int(self.clock.now().timestamp()) + 30 * steps
        return pyotp.TOTP(person.secret).at(at)

    def start(
        self, person: Person, client: Client = BROWSER, password: str | None = None
    ) -> LoginStep:
        """Take the password step."""
        typed = person.password if password is None else password
        return self.do(self.services.login.start(person.name, typed, client))

    def log_in(self, person: Person, client: Client = BROWSER) -> LiveLogin:
        """Return a login of *person*, with all factors."""
        return self.log_in_step(person, client).login_or_fail()

    def log_in_step(self, person: Person, client: Client = BROWSER) -> Opened:
        """As `log_in`, with the cookies."""
        step = self.start(person, client)
        if step.transaction:
            code = self.code(person)
            step = self.do(self.services.login.totp(step.transaction, code, client))
        person.device = step.device or person.device
        return Opened(step)

    def caller(self, person: Person) -> Caller:
        """Return *person*, freshly logged in."""
        return Caller.of(self.log_in(person), BROWSER)

    def site_token(self, login: LiveLogin, host: str = SITE) -> str:
        """Return the cookie of a session at *host*, handed over from *login*."""
        sessions = self.services.sessions
        binding = "binding cookie"
        code = sessions.issue_code(login, host, token_hash(binding))
        return self.do(sessions.redeem_code(code, host, binding, BROWSER))

    def records(self) -> list[dict[str, Any]]:
        """Return every record of the audit log, oldest first."""
        self.do(self.services.core.notes.sum_up())
        folder = self.services.log.folder
        return [
            json.loads(line)
            for path in sorted(folder.glob("*.jsonl"))
            for line in path.read_bytes().splitlines()
        ]

    def events(self) -> list[str]:
        """Return the names of all recorded events, oldest first."""
        return [str(record["event"]) for record in self.records()]

    def last(self, event: str) -> dict[str, Any]:
        """Return the newest record of *event*."""
        return [one for one in self.records() if one["event"] == event][-1]


@dataclass(frozen=True)
class Opened:
    """A login step that opened a login."""

    step: LoginStep

    def login_or_fail(self) -> LiveLogin:
        """Return the login."""
        assert self.step.login is not None
        return self.step.login


def make_config(folder: Path) -> Config:
    """Return a configuration on *folder*; hashing is cheap, all else as shipped."""
    return Config(
        login=Login(host=LOGIN_HOST),
        server=Server(state=str(folder / "state"), audit=str(folder / "audit")),
        sites=(Site(host=SITE),),
        passwords=Passwords(memory_kib=64, iterations=1),
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return the configuration that `world` starts with; tests may change it."""
    return make_config(tmp_path)


@pytest.fixture
def world(config: Config) -> Iterator[World]:
    """Return a running agent without accounts."""
    opened = World(config)
    yield opened
    opened.do(opened.services.close())
    opened.loop.close()
