"""The gate's signed word stands up to what else an app may be sent.

All of it is judged by the very program that the guide has an app use.
"""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from auth_agent.authz.policy import Policy, build_policy
from auth_agent.clock import ManualClock
from auth_agent.config.parse import parse
from auth_agent.sessions.assertions import HEADER, LIFETIME, TYPE, Assertions
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from tests.agent.examples.guide import Guide
from tests.agent.web.gate_world import COOKIE, KEY, World, make_world

HOST = "app.example.com"
ISSUER = "https://auth.example.com"
LEEWAY = 5
IDENTITY = [("remote-user", "ada"), ("remote-id", "u1"), ("remote-role", "admin")]


@dataclass
class App:
    """The guide's program, and the agent whose word it checks, on one clock."""

    verified: Callable[[str, Ed25519PublicKey, str], dict[str, str]]
    key_of: Callable[[str], Ed25519PublicKey]
    clock: ManualClock
    agent: Assertions = field(init=False)
    key: Ed25519PublicKey = field(init=False)

    def __post_init__(self) -> None:
        self.agent = self.other(b"s" * 32)
        self.key = self.key_of(self.agent.key_set.decode())

    def other(self, secret: bytes, issuer: str = ISSUER) -> Assertions:
        """Return an agent with that secret and login host."""
        return Assertions(secret, issuer, lambda: self.clock.now().timestamp())

    def check(self, word: str, key: Ed25519PublicKey | None = None) -> dict[str, str]:
        """Return what *word* says, as the app sees it."""
        return self.verified(word, key or self.key, HOST)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """Return the guide's program, loaded."""
    file = tmp_path / "assertion.py"
    file.write_text(Guide.read().files[file.name])
    spec = importlib.util.spec_from_file_location("assertion", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    clock = ManualClock()
    time = SimpleNamespace(time=lambda: clock.now().timestamp())
    monkeypatch.setattr(module, "time", time)
    return App(module.verified, module.key_of, clock)


def _word(agent: Assertions, host: str = HOST) -> str:
    return dict(agent.told(None, IDENTITY, host).headers)[HEADER]


def _b64(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _claims(word: str) -> dict[str, object]:
    part = word.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(claims, dict)
    return claims


def test_it_says_what_the_headers_say(app: App) -> None:
    """And to whom, by whom, since when and until when."""
    now = int(app.clock.now().timestamp())
    said = app.check(_word(app.agent))

    times = {"iat": now, "exp": now + LIFETIME}
    ends = {"iss": ISSUER, "aud": HOST, "sub": "u1"}
    assert {"user": "ada", "id": "u1", "role": "admin"} | ends | times == said


def test_it_is_for_one_site(app: App) -> None:
    """What another app was sent opens nothing here."""
    with pytest.raises(ValueError, match="another site"):
        app.check(_word(app.agent, "other.example.com"))


def test_it_is_of_one_gate(app: App) -> None:
    """Neither another agent's key is taken, nor its name."""
    with pytest.raises(ValueError, match="not the gate's word"):
        app.check(_word(app.other(b"x" * 32)))
    with pytest.raises(ValueError, match="another gate"):
        app.check(_word(app.other(b"s" * 32, "https://auth.example.org")))


@pytest.mark.parametrize("seconds", [LIFETIME + LEEWAY, 3_600.0, -LEEWAY - 1.0])
def test_it_holds_for_its_time(app: App, seconds: float) -> None:
    """Not after it, and not before it by more than clocks differ."""
    word = _word(app.agent)
    app.clock.advance(LIFETIME - 1)
    app.check(word)
    app.clock.advance(seconds - LIFETIME + 1)

    with pytest.raises(ValueError, match="too old"):
        app.check(word)


def test_nothing_in_it_can_be_changed(app: App) -> None:
    """Every character of it is signed."""
    head, claims, signature = _word(app.agent).split(".")
    more = _claims(f"{head}.{claims}.{signature}") | {"role": "root"}

    for changed in (
        f"{head}.{_b64(more)}.{signature}",
        f"{_b64({'alg': 'EdDSA', 'typ': TYPE})}.{claims}.{signature}",
        f"{head}.{claims}.{_b64(bytes(64))}",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature}.",
        "",
        "..",
        "a.b.c",
        "ä.ö.ü",
    ):
        with pytest.raises(ValueError, match="not the gate's word"):
            app.check(changed)


@pytest.mark.parametrize("kind", [("none", TYPE), ("HS256", TYPE), ("EdDSA", "JWT")])
def test_no_other_kind_is_taken_for_it(app: App, kind: tuple[str, str]) -> None:
    """Not even with a signature that is good: a key may sign other things."""
    own = Ed25519PrivateKey.generate()
    claims = _claims(_word(app.agent))
    text = f"{_b64({'alg': kind[0], 'typ': kind[1]})}.{_b64(claims)}"
    word = f"{text}.{_b64(own.sign(text.encode()))}"

    with pytest.raises(ValueError, match="something else"):
        app.check(word, own.public_key())


def test_it_is_signed_once_a_minute(app: App) -> None:
    """One that is handed out is good for as long again, at least."""
    first = app.agent.told(None, IDENTITY, HOST)
    app.clock.advance(59)
    assert first is app.agent.told(first, IDENTITY, HOST)
    app.clock.advance(1)
    second = app.agent.told(first, IDENTITY, HOST)

    assert first is not second
    app.clock.advance(LIFETIME - 60)
    app.check(dict(second.headers)[HEADER])


def test_a_changed_identity_is_signed_at_once(app: App) -> None:
    """No minute of grace for a role that was taken away."""
    first = app.agent.told(None, IDENTITY, HOST)
    changed = [*IDENTITY[:2], ("remote-role", "viewer")]

    second = app.agent.told(first, changed, HOST)

    assert "viewer" == app.check(dict(second.headers)[HEADER])["role"]


def test_a_clock_that_is_set_back_is_noticed(app: App) -> None:
    """What was signed in the future would be refused."""
    first = app.agent.told(None, IDENTITY, HOST)
    app.clock.set_back(3_600)

    app.check(dict(app.agent.told(first, IDENTITY, HOST).headers)[HEADER])


def test_the_key_that_is_published_is_the_public_one(app: App) -> None:
    """With its thumbprint as its name (RFC 7638), and without `d` (RFC 8037)."""
    [key] = json.loads(app.agent.key_set)["keys"]

    assert {"alg", "crv", "kid", "kty", "use", "x"} == set(key)
    assert ("OKP", "Ed25519", "EdDSA") == (key["kty"], key["crv"], key["alg"])
    assert app.agent.key_set == app.other(b"s" * 32).key_set
    assert app.agent.key_set != app.other(b"t" * 32).key_set


@pytest.fixture
def world(app: App) -> World:
    """Return a gate whose site has assertions, on the app's clock."""
    world = make_world()
    world.gate.policy = replace(world.gate.policy, asserted=frozenset({HOST}))
    world.clock.current = app.clock.current
    return world


@pytest.mark.parametrize(
    "credentials", [("cookie", COOKIE), ("authorization", f"Bearer {KEY}")]
)
def test_the_gate_sends_it_with_the_identity(
    app: App, world: World, credentials: tuple[str, str]
) -> None:
    """With a session's and with a key's; the next request gets the same one."""
    status, headers, _ = world.ask(credentials)
    said = app.check(dict(headers)[HEADER])

    assert 200 == status
    claims = {name.removeprefix("remote-"): value for name, value in headers[:-1]}
    assert claims.items() <= said.items()
    assert headers is world.ask(credentials)[1]


def test_the_gate_signs_nothing_for_nobody(world: World) -> None:
    """The header is there, empty, so that no forged one survives."""
    assert (HEADER, "") == world.ask(uri="/open")[1][-1]


def test_a_page_of_elsewhere_is_nobodys(world: World) -> None:
    """What may ask, but not in somebody's name, gets no assertion either."""
    foreign = ("sec-fetch-site", "cross-site")
    _, headers, _ = world.ask(("cookie", COOKIE), foreign, uri="/open", method="POST")

    assert (HEADER, "") == headers[-1]


@pytest.mark.parametrize("uri", ["/page", "/open"])
def test_sites_that_do_not_ask_for_it_have_none(world: World, uri: str) -> None:
    """Nor does any request of theirs cost a signature."""
    policy: Policy = replace(world.gate.policy, asserted=frozenset())
    world.gate.policy = policy

    assert HEADER not in dict(world.ask(("cookie", COOKIE), uri=uri)[1])


def test_a_site_asks_for_it_in_the_configuration() -> None:
    """In the guide's own words."""
    config = parse(
        f'[login]\nhost = "auth.example.com"\n{Guide.read().settings}'
        '[[sites]]\nhost = "other.example.com"\n'
    )

    assert frozenset({"notes.example.com"}) == build_policy(config).asserted
