"""The log is searched, exported, checked and reviewed; each leaves a record."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from auth_agent.audit import segments
from auth_agent.audit.events import Event, Outcome
from auth_agent.audit.reading import AuditQuery
from auth_agent.audit.verify import Pin
from auth_agent.callers import Caller, Client
from auth_agent.clock import to_micros
from auth_agent.errors import AgentError, StepUpRequiredError, StoreUnavailableError

if TYPE_CHECKING:
    from auth_agent.services import Entry

    from tests.agent.conftest import World

CLI = Caller.cli()


def search(world: World, **fields: object) -> tuple[Entry, ...]:
    """Search as the command line does."""
    query = AuditQuery(**fields)  # type: ignore[arg-type] # whatever the test gives
    return world.do(world.services.audit.search(CLI, query))


def export(world: World, caller: Caller, query: AuditQuery) -> list[bytes]:
    """Return the exported lines."""

    async def run() -> bytes:
        return b"".join(
            [part async for part in world.services.audit.export(caller, query)]
        )

    return world.do(run()).splitlines()


def test_search_is_newest_first_and_pages(world: World) -> None:
    """Pages of ten follow each other without gap or repetition."""
    for number in range(25):
        world.person(f"user{number}")
    first = search(world, events=("user.create",), limit=10)
    second = search(world, events=("user.create",), limit=10, before_seq=first[-1].seq)
    third = search(world, events=("user.create",), limit=10, before_seq=second[-1].seq)

    numbers = [entry.seq for entry in (*first, *second, *third)]
    assert [10, 10, 5] == [len(first), len(second), len(third)]
    assert sorted(numbers, reverse=True) == numbers
    assert 25 == len(set(numbers))


def test_search_by_every_field(world: World) -> None:
    """Outcome, actor, target, address and time narrow the search, alone."""
    ada = world.person("ada")
    world.log_in(ada, Client(ip="203.0.113.7"))
    world.clock.advance(100)
    since = to_micros(world.clock.now())
    with suppress(AgentError):
        world.guess(ada)

    assert {"failure"} == {e.outcome for e in search(world, outcome="failure")}
    assert {"ada"} == {e.actor_name for e in search(world, actor="ada")}
    assert {ada.id} == {e.actor_id for e in search(world, actor=ada.id)}
    assert {ada.id} == {e.target_id for e in search(world, target=ada.id)}
    assert {"203.0.113.7"} == {e.ip for e in search(world, ip="203.0.113.7")}
    assert "login.success" not in {e.event for e in search(world, since=since)}
    assert "login.failure" not in {e.event for e in search(world, until=since)}


def test_looking_is_recorded(world: World) -> None:
    """Whoever searched stands in the log."""
    search(world)

    assert "cli" == world.last("admin.audit_read")["actor"]["kind"]


def test_export_gives_the_lines_as_they_stand(world: World) -> None:
    """Oldest first, whole, and only what was asked for; the export is recorded."""
    for name in ("ada", "bob"):
        world.person(name)

    lines = export(world, CLI, AuditQuery(events=("user.create",)))

    assert ["ada", "bob"] == [json.loads(line)["details"]["name"] for line in lines]
    path = segments.segment_path(world.services.log.folder, 1)
    assert set(lines) <= set(path.read_bytes().splitlines())
    assert "admin.export" in world.events()


def test_export_needs_step_up_before_anything_is_given(world: World) -> None:
    """An old login gets no first byte."""
    caller = world.caller(world.enrolled("boss"))
    world.clock.advance(301)

    with pytest.raises(StepUpRequiredError):
        world.on_loop(lambda: world.services.audit.export(caller, AuditQuery()))


def test_verify_holds_and_knows_the_pin(world: World) -> None:
    """A log that was not touched holds, up to the end of what was pinned."""
    world.person("ada")
    verdict = world.do(world.services.audit.verify(CLI))
    pin = Pin(verdict.end_segment, verdict.end.seq, verdict.end.hash)

    assert verdict.holds
    assert world.do(world.services.audit.verify(CLI, pin)).holds
    lost = Pin(1, verdict.end.seq + 1_000, verdict.end.hash)
    assert not world.do(world.services.audit.verify(CLI, lost)).holds
    assert "before the pinned" in world.last("system.audit_verify_fail")["reason"]


def test_a_review_sums_up_since_the_last(world: World) -> None:
    """Lockouts, denials, new devices, roles and keys; the next begins after it."""
    ada = world.person("ada")
    world.log_in(ada)
    world.do(world.services.accounts.set_role(CLI, ada.id, "editor"))
    for _ in range(5):
        with suppress(AgentError):
            world.guess(ada)
    world.clock.advance(1)
    seen = world.do(world.services.audit.review(CLI, done=False))
    done = world.do(world.services.audit.review(CLI, done=True))
    world.clock.advance(1)
    after = world.do(world.services.audit.review(CLI, done=False))

    expected = {"login.lockout": 1, "login.new_device": 1, "user.role_change": 1}
    assert expected == seen.counts == done.counts
    assert {} == after.counts
    assert done.until == after.since
    reasons = [one["reason"] for one in world.records()]
    assert 1 == reasons.count("review_done")


def test_anonymous_denials_are_counted_only(world: World) -> None:
    """Nobody fills the log without an account."""
    for _ in range(3):
        world.on_loop(
            lambda: world.services.audit.note(
                Event.ACCESS_DENIED, Outcome.DENIED, Client(), reason="anonymous"
            )
        )

    assert "access.denied" not in world.events()
    counted = world.services.metrics.snapshot()
    assert 3 == counted["denied_total", (("reason", "anonymous"),)]


def test_what_cannot_be_recorded_does_not_happen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a full disk nobody logs in and nothing is administered; then it goes on."""
    ada = world.person("ada")
    whole = segments.write_all

    def full(_descriptor: int, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments, "write_all", full)
    with pytest.raises(StoreUnavailableError):
        world.start(ada)
    with pytest.raises(StoreUnavailableError):
        world.do(world.services.accounts.set_role(CLI, ada.id, "admin"))
    assert not world.services.system.healthy
    monkeypatch.setattr(segments, "write_all", whole)

    assert "viewer" == world.services.accounts.get(ada.id).role
    assert world.start(ada).token
    assert world.services.system.healthy


def test_no_secret_reaches_the_log(world: World) -> None:
    """After a whole round of logins no password, code, token or key stands there."""
    ada = world.enrolled("ada")
    opened = world.log_in_step(ada)
    caller = Caller.of(opened.login_or_fail(), Client(ip="192.0.2.1"))
    site = world.site_token(opened.login_or_fail())
    _, key = world.do(world.services.keys.create(caller, name="k", scopes=["app.view"]))
    with suppress(AgentError):
        world.start(ada, password="a wrong guess 4711")  # noqa: S106 - to be looked for
    world.records()
    folder = world.services.log.folder

    data = b"".join(path.read_bytes() for path in folder.iterdir()).decode()

    secrets = [ada.password, ada.secret, *ada.codes, opened.step.token, site, key]
    # A few digits would be found by chance: hashes stand in the log.
    for secret in (*secrets, opened.step.device, "wrong guess"):
        assert secret not in data
