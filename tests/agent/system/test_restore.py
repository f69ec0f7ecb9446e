"""A backup that is put back brings nothing to life that has ended since."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from auth_agent.audit import segments
from auth_agent.audit.chain import body
from auth_agent.audit.events import Event
from auth_agent.audit.verify import verify
from auth_agent.callers import Caller, Client
from auth_agent.errors import (
    LinkRefusedError,
    LoginRefusedError,
)

from tests.agent.conftest import World
from tests.agent.system.keeping import CLI, Kept

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1")
SITE = "app.example.com"
NEW = "another velvet tramp sock"


def use_key(world: World, key: str) -> bool:
    """Whether an API key opens something."""
    keys = world.services.keys
    found = world.on_loop(
        lambda: keys.authenticate(key, ip="192.0.2.1", host=SITE, path="/")
    )
    return found is not None


def test_what_was_there_is_there_again(kept: Kept) -> None:
    """An account that was damaged since; whoever was not touched logs in as ever."""
    world = kept.world
    ada = world.person("ada")
    kept.backup()
    eve = world.person("eve")

    done = kept.restore()

    assert done.known
    assert ("eve",) == done.lost
    assert () == done.repeated.need_a_link
    assert world.start(ada).token
    with pytest.raises(LoginRefusedError):
        world.start(eve)


def test_all_sessions_and_links_end(kept: Kept) -> None:
    """Those of the backup: they may have been ended since. Recorded."""
    world = kept.world
    ada = world.person("ada")
    opened = world.log_in_step(ada)
    site = world.site_token(opened.login_or_fail())
    link = world.do(world.services.accounts.reset(CLI, world.person("bob").id))
    kept.backup()

    done = kept.restore()

    sessions = world.services.sessions
    assert 1 == done.repeated.sessions_ended
    assert sessions.resolve_login(opened.step.token) is None
    assert sessions.resolve_site(site, SITE) is None
    with pytest.raises(LinkRefusedError):
        world.do(world.services.accounts.finish_reset(link.token, NEW, BROWSER))
    ended = world.last("session.revoke_all")
    assert ("restored", "cli") == (ended["reason"], ended["actor"]["kind"])


def test_no_code_is_taken_twice(kept: Kept) -> None:
    """One that was used after the backup, and one of the next step, are refused."""
    world = kept.world
    ada = world.enrolled("ada", "viewer")
    kept.backup()
    world.clock.advance(60)
    used = [world.code(ada), world.code(ada, steps=1)]
    world.log_in(ada)
    kept.restore()

    step = world.start(ada)
    for code in used:
        with pytest.raises(LoginRefusedError):
            world.do(world.services.login.totp(step.transaction, code, BROWSER))
    world.clock.advance(60)
    assert world.log_in(ada)
    assert "totp.replay" in world.events()


@pytest.mark.parametrize("how", ["revoke", "rotate", "leak"])
def test_an_ended_key_stays_ended(kept: Kept, how: str) -> None:
    """Revoked, rotated or reported since; another one goes on."""
    world = kept.world
    caller = world.caller(world.person("ada"))
    keys = world.services.keys
    info, key = world.do(keys.create(caller, name="k", scopes=["app.view"]))
    _, other = world.do(keys.create(caller, name="o", scopes=["app.view"]))
    kept.backup()
    new = key
    if how == "revoke":
        world.do(keys.revoke(caller, info.id))
    elif how == "rotate":
        _, new = world.do(keys.rotate(caller, info.id))
    else:
        world.do(keys.report_leak(key, BROWSER))

    done = kept.restore()

    assert 1 == done.repeated.keys_ended
    assert not use_key(world, key)
    assert not use_key(world, new)
    assert use_key(world, other)
    assert "restored" == world.last("apikey.revoke")["reason"]


def test_decisions_about_accounts_are_repeated(kept: Kept) -> None:
    """Deleted, disabled and demoted stay so; who was enabled again is."""
    world = kept.world
    accounts = world.services.accounts
    people = {
        name: world.person(name, "editor") for name in ("gone", "shut", "less", "back")
    }
    world.do(accounts.disable(CLI, people["back"].id))
    kept.backup()
    world.do(accounts.delete(CLI, people["gone"].id))
    world.do(accounts.disable(CLI, people["shut"].id))
    world.do(accounts.set_role(CLI, people["less"].id, "viewer"))
    world.do(accounts.enable(CLI, people["back"].id))

    done = kept.restore()

    assert ("gone",) == done.repeated.accounts_deleted
    assert {"shut", "less", "back"} == set(done.repeated.accounts_changed)
    for name in ("gone", "shut"):
        with pytest.raises(LoginRefusedError):
            world.start(people[name])
    assert "viewer" == world.services.accounts.get(people["less"].id).role
    assert world.start(people["back"]).token


def test_an_old_password_does_not_come_back(kept: Kept) -> None:
    """Whose password was replaced since needs a link; no password opens anything."""
    world = kept.world
    ada, bob = world.person("ada"), world.person("bob")
    opened = world.log_in_step(ada)
    kept.backup()
    caller = Caller.of(opened.login_or_fail(), BROWSER)
    world.do(world.services.accounts.change_password(caller, ada.password, NEW))
    world.do(world.services.accounts.reset(CLI, bob.id))

    done = kept.restore()

    assert {"ada", "bob"} == set(done.repeated.need_a_link)
    for person in (ada, bob):
        for password in (person.password, NEW):
            with pytest.raises(LoginRefusedError):
                world.start(person, password=password)
    link = world.do(world.services.accounts.reset(CLI, ada.id))
    world.do(world.services.accounts.finish_reset(link.token, NEW, BROWSER))
    assert world.start(ada, password=NEW).token


def test_a_replaced_factor_does_not_come_back(kept: Kept) -> None:
    """The lost phone's codes stay worthless, and the password alone opens nothing."""
    world = kept.world
    ada = world.enrolled("ada", "viewer")
    kept.backup()
    caller = world.caller(ada)
    world.do(world.services.factors.remove_totp(caller))

    done = kept.restore()

    assert ("ada",) == done.repeated.need_a_link
    assert not world.services.accounts.get(ada.id).has_totp
    with pytest.raises(LoginRefusedError):
        world.start(ada)


def test_used_recovery_codes_stay_used(kept: Kept) -> None:
    """Which of them is not in the log, so all are dead."""
    world = kept.world
    ada = world.enrolled("ada", "viewer")
    kept.backup()
    recovery = world.services.login.recovery
    world.do(recovery(world.start(ada).transaction, ada.codes[0], BROWSER))

    done = kept.restore()

    assert ("ada",) == done.repeated.need_codes
    transaction = world.start(ada).transaction
    for code in ada.codes[:2]:
        with pytest.raises(LoginRefusedError):
            world.do(world.services.login.recovery(transaction, code, BROWSER))


def test_an_old_address_does_not_come_back(kept: Kept) -> None:
    """A reset is mailed to nobody rather than to whoever has the old one."""
    world = kept.world
    ada = world.person("ada")
    kept.backup()
    world.do(world.services.accounts.change_email(CLI, ada.id, "new@example.com"))

    done = kept.restore()

    assert ("ada",) == done.repeated.need_an_address
    assert not world.services.accounts.get(ada.id).email


def test_it_is_recorded_and_the_chain_is_whole(kept: Kept) -> None:
    """`system.migrate` says from where; the log has no record twice."""
    world = kept.world
    world.person("ada")
    kept.backup()
    kept.restore()

    record = next(one for one in world.records() if one["reason"] == "restored")
    assert record["actor"]["kind"] == "cli"
    moved = [one for one in world.records() if one["event"] == "system.migrate"][-1]
    assert ("restored", True) == (moved["reason"], moved["details"]["known"])
    ids = [one["id"] for one in world.records()]
    assert len(ids) == len(set(ids))
    world.do(world.services.close())
    folder = Path(world.config.server.audit)
    assert verify(folder, world.services.log._keys).holds  # noqa: SLF001 - the same
    world.services = world.do(world.open())


def test_records_that_only_the_backup_has_are_not_lost(kept: Kept) -> None:
    """What was committed and not yet in the log when it was made is recorded now."""
    world = kept.world
    world.person("ada")
    kept.backup()
    in_the_log = world.records()[-1]["id"]
    connection = sqlite3.connect(kept.file)
    for identity in ("late", in_the_log):
        text = body(CLI.did(Event.USER_UPDATE), identity=identity, micros=1)
        connection.execute(
            "INSERT INTO outbox (id, micros, body) VALUES (?, 1, ?)", (identity, text)
        )
    connection.commit()
    connection.close()
    for _ in range(2):
        kept.restore()
        world.clock.advance(1)

    ids = [one["id"] for one in world.records()]
    assert (1, 1) == (ids.count("late"), ids.count(in_the_log))


def test_restoring_twice_repeats_what_the_first_one_did(kept: Kept) -> None:
    """An older backup once more: still nothing lives again."""
    world = kept.world
    ada = world.person("ada")
    caller = world.caller(ada)
    _, key = world.do(world.services.keys.create(caller, name="k", scopes=["app.view"]))
    kept.backup()
    assert caller.login is not None
    [info] = world.services.keys.list_for(ada.id)
    world.do(world.services.keys.revoke(caller, info.id))
    world.do(world.services.accounts.change_password(caller, ada.password, NEW))
    kept.restore()
    world.clock.advance(1)
    again = kept.restore()

    assert ("ada",) == again.repeated.need_a_link
    assert not use_key(world, key)


def test_without_the_log_all_keys_end(kept: Kept) -> None:
    """On a new host nobody knows which of them were revoked; it is said."""
    world = kept.world
    caller = world.caller(world.person("ada"))
    _, key = world.do(world.services.keys.create(caller, name="k", scopes=["app.view"]))
    kept.backup()
    audit = Path(world.config.server.audit)
    world.do(world.services.close())
    shutil.rmtree(audit)
    world.services = world.do(world.open())

    done = kept.restore()

    assert not done.known
    assert 1 == done.repeated.keys_ended
    assert not use_key(world, key)


def test_a_log_that_was_tampered_with_enables_nobody(kept: Kept) -> None:
    """A record with a wrong mac is not repeated, and what is known is not all."""
    world = kept.world
    ada = world.person("ada")
    kept.backup()
    world.do(world.services.accounts.disable(CLI, ada.id))
    world.do(world.services.accounts.enable(CLI, ada.id))
    path = segments.segment_path(Path(world.config.server.audit), 1)
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"event":"user.enable"', b'"event":"user.enablE"'))

    done = kept.restore()

    assert not done.known
    assert not world.services.accounts.get(ada.id).active
