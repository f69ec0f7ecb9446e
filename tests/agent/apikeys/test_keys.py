"""Keys do what they may, from where they may, until they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from auth_agent.apikeys import text
from auth_agent.audit.events import ActorKind
from auth_agent.audit.record import Actor
from auth_agent.callers import Caller, Client
from auth_agent.errors import (
    DeniedError,
    InvalidInputError,
    NotFoundError,
    StepUpRequiredError,
)

if TYPE_CHECKING:
    from auth_agent.sessions.model import LiveKey

    from tests.agent.conftest import World

BROWSER = Client(ip="192.0.2.1")
SITE = "app.example.com"
DAY = 86_400


def use(
    world: World, key: str, ip: str = "192.0.2.1", path: str = "/", host: str = SITE
) -> LiveKey | None:
    """Use *key* from there for that."""
    keys = world.services.keys
    return world.on_loop(lambda: keys.authenticate(key, ip=ip, host=host, path=path))


def create(world: World, caller: Caller, *scopes: str, **options: object) -> str:
    """Return the text of a new key."""
    _, key = world.do(
        world.services.keys.create(
            caller,
            name="a script",
            scopes=scopes or ["app.view"],
            **options,  # type: ignore[arg-type] # whatever the test gives
        )
    )
    return key


@pytest.fixture
def editor(world: World) -> Caller:
    """Return an editor, freshly logged in."""
    return world.caller(world.person("ada", "editor"))


def test_a_key_is_its_owner_within_its_scopes(world: World, editor: Caller) -> None:
    """It has the owner's name and the scopes' permissions, no more."""
    key = use(world, create(world, editor, "app.view", "app.edit"))

    assert key is not None
    headers = dict(key.headers)
    assert "ada" == headers["remote-user"]
    assert "app.edit,app.view" == headers["remote-permissions"]
    assert "api_key" == headers["remote-auth"]
    assert "" == headers["remote-role"]  # apps that go by it would exceed the scopes
    assert {"app.view", "app.edit"} == key.permissions


@pytest.mark.parametrize("scope", ["users.manage", "app.admin", "no.such", "*"])
def test_no_scope_beyond_the_owner(world: World, editor: Caller, scope: str) -> None:
    """A scope that the owner lacks makes no key."""
    with pytest.raises(DeniedError):
        create(world, editor, "app.view", scope)

    assert not world.services.keys.by_hash


def test_a_demoted_owners_key_shrinks(world: World, editor: Caller) -> None:
    """With the owner's role the key's permissions change, at once."""
    text_ = create(world, editor, "app.view", "app.edit")
    world.do(world.services.accounts.set_role(Caller.cli(), editor.actor.id, "viewer"))

    key = use(world, text_)

    assert key is not None
    assert {"app.view"} == key.permissions


def test_a_key_ends_by_default(world: World, editor: Caller) -> None:
    """Ninety days if nothing is said; then it is refused, and recorded as expired."""
    key = create(world, editor)
    world.clock.advance(90 * DAY - 1)
    assert use(world, key) is not None
    world.clock.advance(1)
    assert use(world, key) is None
    world.do(world.services.system.tick())

    assert "apikey.expire" in world.events()
    assert not world.services.keys.by_hash
    assert "expired" == world.last("apikey.use_denied")["reason"]


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
def test_no_key_lives_longer_than_a_year(
    world: World, editor: Caller, days: int
) -> None:
    """A time beyond the maximum, or none, is refused."""
    with pytest.raises(InvalidInputError) as refused:
        create(world, editor, days=days)

    assert "days" == refused.value.field


@pytest.mark.parametrize(
    ("ip", "allowed"),
    [
        ("203.0.113.7", True),
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.112.255", False),
        ("203.0.114.7", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:203.0.113.7", True),
        ("", False),
        ("nonsense", False),
    ],
)
def test_networks_are_kept_to(
    world: World,
    editor: Caller,
    ip: str,
    allowed: bool,
) -> None:
    """Only addresses of the key's networks may use it; refusals are recorded."""
    key = create(world, editor, networks=["203.0.113.0/24", "2001:db8::/32"])

    assert allowed is (use(world, key, ip=ip) is not None)
    assert allowed is ("apikey.use_denied" not in world.events())


@pytest.mark.parametrize(
    ("network", "ip"), [("::/0", "203.0.113.7"), ("0.0.0.0/0", "::7")]
)
def test_a_network_of_one_family_holds_nobody_of_the_other(
    world: World, editor: Caller, network: str, ip: str
) -> None:
    """Their numbers overlap; the addresses do not."""
    key = create(world, editor, networks=[network])

    assert use(world, key, ip=ip) is None


@pytest.mark.parametrize(
    ("host", "path", "allowed"),
    [
        (SITE, "/reports", True),
        (SITE, "/reports/2030", True),
        (SITE, "/reportsX", False),
        (SITE, "/", False),
        ("other.example.com", "/reports", False),
    ],
)
def test_paths_are_kept_to(
    world: World,
    editor: Caller,
    host: str,
    path: str,
    allowed: bool,
) -> None:
    """Only the key's hosts and prefixes, segment by segment."""
    key = create(world, editor, paths=[f"{SITE}/reports"])

    assert allowed is (use(world, key, host=host, path=path) is not None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("networks", ["203.0.113.1/24"]),
        ("networks", ["x"]),
        ("networks", ["10.0.0.0/8"] * 21),
        ("paths", ["app.example.com/../x"]),
        ("paths", ["app example/"]),
        ("name", ""),
        ("name", "a\nb"),
        ("scopes", []),
    ],
)
def test_fields_are_checked(
    world: World, editor: Caller, field: str, value: object
) -> None:
    """What is no network, path, name or scope makes no key, and is named."""
    options = {"name": "k", "scopes": ["app.view"], field: value}

    with pytest.raises(InvalidInputError) as refused:
        world.do(world.services.keys.create(editor, **options))  # type: ignore[arg-type] # that is the test

    assert field == refused.value.field


def test_a_revoked_key_is_dead_at_once(world: World, editor: Caller) -> None:
    """After the revocation, and after a restart, it is nobody's."""
    key = create(world, editor)
    (info,) = world.services.keys.list_for(editor.actor.id)
    world.do(world.services.keys.revoke(editor, info.id, anybody=False))

    assert use(world, key) is None
    world.restart()
    assert use(world, key) is None


def test_nobody_revokes_anothers_key_without_right(
    world: World, editor: Caller
) -> None:
    """Somebody else's key is not found; an administrator's request ends it."""
    key = create(world, editor)
    (info,) = world.services.keys.list_all()
    eve = world.caller(world.person("eve", "editor"))

    with pytest.raises(NotFoundError):
        world.do(world.services.keys.revoke(eve, info.id, anybody=False))
    assert use(world, key) is not None
    world.do(world.services.keys.revoke(eve, info.id, anybody=True))
    assert use(world, key) is None


def test_rotation_replaces_the_text(world: World, editor: Caller) -> None:
    """The new text works, the old one does not; limits stay."""
    old = create(world, editor, paths=[f"{SITE}/reports"])
    (info,) = world.services.keys.list_for(editor.actor.id)
    _, new = world.do(world.services.keys.rotate(editor, info.id))

    assert use(world, old, path="/reports") is None
    assert use(world, new, path="/reports") is not None
    assert use(world, new) is None


def test_making_a_key_needs_step_up(world: World, editor: Caller) -> None:
    """A login of more than five minutes ago makes none and rotates none."""
    create(world, editor)
    (info,) = world.services.keys.list_for(editor.actor.id)
    world.clock.advance(301)

    with pytest.raises(StepUpRequiredError):
        create(world, editor)
    with pytest.raises(StepUpRequiredError):
        world.do(world.services.keys.rotate(editor, info.id))


def test_a_key_makes_no_keys_and_steps_nothing_up(world: World, editor: Caller) -> None:
    """As a caller a key is refused wherever step-up or a login is asked for."""
    (key,) = [use(world, create(world, editor, "api_keys.create"))]
    assert key is not None
    caller = Caller(Actor(ActorKind.API_KEY, key.id, key.name), BROWSER)

    with pytest.raises(DeniedError):
        create(world, caller)
    with pytest.raises(StepUpRequiredError):
        world.do(world.services.accounts.set_role(caller, editor.actor.id, "admin"))
    with pytest.raises(StepUpRequiredError):
        world.on_loop(lambda: world.services.sessions.require_step_up(caller))


def test_a_reported_key_is_revoked(world: World, editor: Caller) -> None:
    """Whoever reports the whole key ends it; that is recorded."""
    key = create(world, editor)

    assert world.do(world.services.keys.report_leak(key, BROWSER))
    assert use(world, key) is None
    assert "leaked" == world.last("apikey.revoke")["reason"]
    assert "apikey.leak_report" in world.events()
    assert not world.do(world.services.keys.report_leak(key, BROWSER))


def test_a_key_of_nobodys_waits_for_no_writer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may report; a flood of made-up keys does not keep logins waiting."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a transaction was asked for")

    monkeypatch.setattr(world.services.core.store, "write", refuse)

    assert not world.do(world.services.keys.report_leak(text.new_key(), BROWSER))
    monkeypatch.undo()


def test_part_of_a_key_reports_nothing(world: World, editor: Caller) -> None:
    """Its beginning, or with one letter changed, ends nothing."""
    key = create(world, editor)
    wrong = key[:10] + ("A" if key[10] != "A" else "B") + key[11:]

    assert not world.do(world.services.keys.report_leak(key[:20], BROWSER))
    assert not world.do(world.services.keys.report_leak(wrong, BROWSER))
    assert use(world, key) is not None


def test_the_key_is_stored_as_a_hash(world: World, editor: Caller) -> None:
    """Neither the store nor the log holds the key."""
    from pathlib import Path  # noqa: PLC0415 - only here

    key = create(world, editor)
    use(world, key, ip="192.0.2.9")
    folders = (world.config.server.state, world.config.server.audit)

    data = b"".join(p.read_bytes() for f in folders for p in Path(f).iterdir())

    assert key.encode() not in data
    assert key[12:40].encode() not in data


def test_last_use_is_written_by_the_minute(world: World, editor: Caller) -> None:
    """Using a key writes nothing; the minute's round does."""
    key = create(world, editor)
    use(world, key)
    assert 0 == world.services.keys.list_for(editor.actor.id)[0].last_used
    world.clock.advance(61)
    world.do(world.services.system.tick())

    assert world.services.keys.list_for(editor.actor.id)[0].last_used > 0


def test_refusals_of_one_key_are_summed_up(world: World, editor: Caller) -> None:
    """A script that goes on with a refused key leaves two records a minute."""
    key = create(world, editor, networks=["203.0.113.0/24"])
    for _ in range(100):
        use(world, key)
    world.clock.advance(61)
    world.do(world.services.system.tick())

    assert 2 == world.events().count("apikey.use_denied")
    assert 99 == world.last("apikey.use_denied")["details"]["more"]


def test_a_reset_ends_the_keys(world: World, editor: Caller) -> None:
    """A password reset leaves no key behind."""
    key = create(world, editor)
    world.do(world.services.accounts.reset(Caller.cli(), editor.actor.id))

    assert use(world, key) is None
    assert "reset" == world.last("apikey.revoke")["reason"]


def test_keys_are_told_from_typing_mistakes() -> None:
    """A new key has the prefix and a right checksum; any changed letter breaks it."""
    key = text.new_key()

    assert key.startswith("kgk_")
    assert 4 + 43 + 6 == len(key)
    assert text.is_key(key)
    for at in range(4, len(key)):
        other = "x" if key[at] != "x" else "y"
        assert not text.is_key(key[:at] + other + key[at + 1 :])
