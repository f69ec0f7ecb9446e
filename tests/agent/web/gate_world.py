"""A gate with one site, one login and one key, and no process around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from types import SimpleNamespace
from typing import cast

from auth_agent.authz.policy import Policy
from auth_agent.authz.rules import Rule, RuleSet
from auth_agent.clock import ManualClock
from auth_agent.services import Services
from auth_agent.sessions.assertions import Assertions
from auth_agent.sessions.model import HEADER_NAMES, Account, Login, SiteSession
from auth_agent.web.answers import Answer
from auth_agent.web.cookies import Cookie
from auth_agent.web.gate import Gate
from auth_agent.web.targets import Targets

from tests.agent.web.headers import Headers

TOKEN = "t" * 43
COOKIE = f"{Cookie.SITE}={TOKEN}"
KEY = "kg_" + "k" * 40


@dataclass
class Scope:
    """A request as granian gives it."""

    headers: Headers
    method: str = "GET"
    path: str = "/verify"
    client: str = "unix:"


@dataclass
class World:
    """A gate with one site, one login and one key."""

    gate: Gate
    clock: ManualClock
    login: Login
    live: dict[bytes, SiteSession]
    notes: list[dict[str, object]] = field(default_factory=list)

    def ask(self, *more: tuple[str, str], **changed: str) -> Answer:
        """Return the answer to a request that Caddy hands on; `None`-like drops."""
        forwarded = {
            "uri": "/page",
            "host": "app.example.com",
            "method": "GET",
            "proto": "https",
            "for": "192.0.2.1",
        } | changed
        pairs = [(f"x-forwarded-{name}", value) for name, value in forwarded.items()]
        return self.gate.verify(Scope(Headers([*pairs, *more])))


def make_world() -> World:
    """Return a gate, a viewer's login and a key with one permission."""
    clock = ManualClock()
    account = Account(
        "u1", "ada", "Ada", "ada@example.com", "viewer", frozenset({"app.view"})
    )
    login = Login(
        id="l1",
        hash=b"h",
        account=account,
        deadline=clock.monotonic() + 1000,
        seen=clock.monotonic(),
        stepped_up=0.0,
        methods="pwd",
        owes="",
        headers=[*account.headers(), ("remote-auth", "pwd"), ("remote-session", "l1")],
    )
    hash_ = sha256(TOKEN.encode()).digest()
    live = {hash_: SiteSession(hash_, login, "app.example.com")}
    key_headers = [(name, "key") for name in HEADER_NAMES]
    key = SimpleNamespace(
        id="k1", headers=key_headers, permissions=frozenset({"app.view"}), told={}
    )
    notes: list[dict[str, object]] = []
    services = SimpleNamespace(
        sessions=SimpleNamespace(by_hash=live, idle=100.0),
        keys=SimpleNamespace(
            authenticate=lambda text, **_: key if text == KEY else None
        ),
        audit=SimpleNamespace(note=lambda *_args, **more: notes.append(more)),
    )
    host = "app.example.com"
    rules = RuleSet(
        [
            Rule(host, "/", "app.view", frozenset({"GET", "HEAD"})),
            Rule(host, "/", "app.create", frozenset({"POST"})),
            Rule(host, "/admin", "app.admin"),
            Rule(host, "/open", "public"),
            Rule(host, "/me", "authenticated"),
            Rule(host, "/Vault", "app.admin"),
            Rule("small.example.com", "/only", "authenticated"),
        ]
    )
    gate = Gate(
        cast("Services", services),
        Policy(rules, {}),
        targets=Targets(b"k" * 32, lambda: 1000.0),
        clock=clock,
        scheme="https",
        login_url="https://auth.example.com/login",
        key_prefix="kg_",
        assertions=Assertions(
            b"s" * 32, "https://auth.example.com", lambda: clock.now().timestamp()
        ),
    )
    return World(gate, clock, login, live, notes)
