"""Every event type is written by the action that it names, and by nothing less."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from auth_agent.audit.events import PENDING, Event

import auth_agent
from tests.agent.audit.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import World

CATALOGUE = """
login: success, failure, new_device, throttled, lockout, unlock
session: create, end, expire, revoke_one, revoke_all, reject_replay
password: change, reset_request, reset_done, reset_fail, breached_found, rehash
totp: add, remove, fail, replay
passkey: add, remove, rename, fail, counter_regress
recovery: generate, use, fail
oauth: link, unlink, login_fail, state_mismatch, provider_error, token_refresh
apikey: create, rotate, revoke, expire, use_denied, leak_report
user: create, invite, invite_accept, update, mail_change, disable, enable, delete,
 role_change
access: denied, step_up_required, step_up_done
admin: settings_change, provider_change, policy_change, export, audit_read,
 secret_rotate
system: start, stop, migrate, config_error, clock_jump, audit_checkpoint,
 audit_verify_fail, audit_retention_cut
"""
"""What the log was specified to know."""


def specified() -> set[str]:
    """Return the names in the catalogue."""
    lines = CATALOGUE.replace(",\n ", ", ").strip().splitlines()
    areas = [line.split(": ") for line in lines]
    return {f"{area}.{one}" for area, names in areas for one in names.split(", ")}


def newest_by(
    world: World, event: Event, scenario: Callable[[World], None]
) -> dict[str, Any]:
    """Return the newest record of *event*; *scenario* must have brought it about."""
    before = world.events().count(event)
    scenario(world)
    found = [one for one in world.records() if one["event"] == event]
    assert len(found) > before
    return found[-1]


def test_the_catalogue_is_whole() -> None:
    """68 types, those that were specified and no others."""
    assert 68 == len(specified())
    assert specified() == set(Event)


def test_nothing_waits_but_oauth_and_passkeys() -> None:
    """Six events of OAuth, five of passkeys and one of providers; no code has them."""
    areas = [event.partition(".")[0] for event in PENDING]
    assert {"oauth": 6, "passkey": 5, "admin": 1} == Counter(areas)
    assert Event.ADMIN_PROVIDER_CHANGE in PENDING

    source = Path(auth_agent.__file__).parent
    texts = [
        path.read_text() for path in source.rglob("*.py") if path.name != "events.py"
    ]
    for event in Event:
        written = any(f"Event.{event.name}" in text for text in texts)
        assert written is (event not in PENDING), event


def test_every_event_has_its_action() -> None:
    """All but the pending ones have a scenario, and no pending one has."""
    assert set(Event) - PENDING == set(SCENARIOS)


@pytest.mark.parametrize("event", sorted(set(Event) - PENDING))
def test_the_action_writes_the_event(world: World, event: Event) -> None:
    """The real action leaves a record of the type, with who, when and from where."""
    record = newest_by(world, event, SCENARIOS[event])

    assert record["outcome"] in {"success", "failure", "denied"}
    assert record["actor"]["kind"] in {"user", "api_key", "cli", "system"}
    assert record["time"].endswith("+00:00")
    if record["actor"]["kind"] == "user":
        assert record["ip"]


@pytest.mark.parametrize("event", sorted(set(Event) - PENDING))
def test_an_action_that_does_not_happen_is_noticed(world: World, event: Event) -> None:
    """None of these tests holds by what the agent records anyway."""
    with pytest.raises(AssertionError):
        newest_by(world, event, lambda _: None)
