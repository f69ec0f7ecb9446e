"""Logins hold as long as they may, and end for good."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from auth_agent.callers import Caller, Client
from auth_agent.errors import NotFoundError
from auth_agent.ids import token_hash
from auth_agent.sessions.model import HEADER_NAMES, Owes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auth_agent.config.model import Config
    from auth_agent.sessions.model import SiteSession

    from tests.agent.conftest import World

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1")
SITE = "app.example.com"


def test_a_site_session_is_found_by_its_cookie_and_host(world: World) -> None:
    """The cookie of one site opens no other, and no login page."""
    login = world.log_in(world.person("ada"))
    token = world.site_token(login)
    sessions = world.services.sessions

    found = sessions.resolve_site(token, SITE)

    assert found is not None
    assert login is found.login
    assert sessions.resolve_site(token, "other.example.com") is None
    assert sessions.resolve_login(token) is None


def test_every_identity_header_is_there(world: World) -> None:
    """A login has all headers, those of the account and of the session."""
    login = world.log_in(world.person("ada", "editor"))

    headers = dict(login.headers)

    assert set(HEADER_NAMES) == set(headers)
    assert "ada" == headers["remote-user"]
    assert "editor" == headers["remote-role"]
    assert "app.edit" in headers["remote-permissions"].split(",")
    assert "password" == headers["remote-auth"]


def test_only_hashes_are_stored(world: World) -> None:
    """No token of a login or site stands in the store's files."""
    from pathlib import Path  # noqa: PLC0415 - only here

    opened = world.log_in_step(world.person("ada"))
    token = world.site_token(opened.login_or_fail())
    state = Path(world.config.server.state)

    data = b"".join(path.read_bytes() for path in state.iterdir())

    for secret in (opened.step.token, token, opened.step.device):
        assert 43 == len(secret)
        assert secret.encode() not in data
        assert token_hash(secret) in data


def test_an_idle_login_ends(world: World) -> None:
    """An hour without a request ends it; one before that keeps it."""
    opened = world.log_in_step(world.person("ada"))
    token, sessions = opened.step.token, world.services.sessions
    world.clock.advance(3_599)
    assert sessions.resolve_login(token) is not None
    world.clock.advance(3_599)
    assert sessions.resolve_login(token) is not None
    world.clock.advance(3_600)

    assert sessions.resolve_login(token) is None


def test_an_idle_site_session_is_not_revived(world: World) -> None:
    """After the idle time neither the site nor the login page takes its cookie."""
    opened = world.log_in_step(world.person("ada"))
    token = world.site_token(opened.login_or_fail())
    world.clock.advance(3_600)
    sessions = world.services.sessions

    assert sessions.resolve_site(token, SITE) is None
    assert sessions.resolve_login(opened.step.token) is None
    assert sessions.resolve_site(token, SITE) is None


def test_use_does_not_prolong_beyond_the_absolute_limit(world: World) -> None:
    """After twelve hours a login ends, however much it was used."""
    opened = world.log_in_step(world.person("ada"))
    for _ in range(24):
        world.clock.advance(1_799)
        assert world.services.sessions.resolve_login(opened.step.token) is not None
    world.clock.advance(24)

    assert world.services.sessions.resolve_login(opened.step.token) is None


def test_ended_time_is_recorded_once(world: World) -> None:
    """The sweep records `session.expire` with the limit that was reached."""
    world.log_in(world.person("ada"))
    world.clock.advance(3_601)
    world.do(world.services.system.tick())
    world.clock.advance(61)
    world.do(world.services.system.tick())

    assert "idle" == world.last("session.expire")["reason"]
    assert 1 == world.events().count("session.expire")
    assert not world.services.sessions.live.by_id


def test_logins_survive_a_restart_with_their_limits(world: World) -> None:
    """After a restart the cookies hold, and end when they would have ended."""
    opened = world.log_in_step(world.person("ada"))
    token = world.site_token(opened.login_or_fail())
    world.clock.advance(3_000)
    assert world.services.sessions.resolve_site(token, SITE) is not None
    world.restart()
    world.clock.advance(3_500)

    assert world.services.sessions.resolve_site(token, SITE) is not None
    world.clock.advance(3_600)
    assert world.services.sessions.resolve_site(token, SITE) is None


def test_logout_ends_every_site(world: World) -> None:
    """With the login all its site sessions end, and listeners are told."""
    login = world.log_in(world.person("ada"))
    tokens = {host: world.site_token(login, host) for host in ("a.test", "b.test")}
    told: list[str] = []

    def listen(ended: Iterable[SiteSession]) -> None:
        told.extend(one.host for one in ended)

    world.services.sessions.on_end(listen)
    world.do(world.services.login.logout(login, BROWSER))

    assert ["a.test", "b.test"] == sorted(told)
    for host, token in tokens.items():
        assert world.services.sessions.resolve_site(token, host) is None


def test_an_ended_login_does_not_come_back(world: World) -> None:
    """After a restart the cookie of an ended login is still nobody's."""
    opened = world.log_in_step(world.person("ada"))
    world.do(world.services.login.logout(opened.login_or_fail(), BROWSER))
    world.restart()

    assert world.services.sessions.resolve_login(opened.step.token) is None


def test_a_cancelled_logout_is_still_in_force(world: World) -> None:
    """A browser that goes away before the answer has logged out all the same."""
    opened = world.log_in_step(world.person("ada"))

    async def give_up() -> None:
        import asyncio  # noqa: PLC0415 - only here

        task = asyncio.ensure_future(
            world.services.login.logout(opened.login_or_fail(), BROWSER)
        )
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.services.core.store.write(lambda tx: tx.one("SELECT 1"))

    world.do(give_up())

    assert world.services.sessions.resolve_login(opened.step.token) is None


def test_the_oldest_login_gives_way(config: Config, world: World) -> None:
    """Twenty logins an account; the first one ends when the next begins."""
    ada = world.person("ada")
    first = world.log_in(ada)
    for _ in range(19):
        world.clock.advance(1)
        world.log_in(ada)
    assert first.id in world.services.sessions.live.by_id
    world.clock.advance(1)
    world.log_in(ada)

    assert 20 == config.login.per_account
    assert first.id not in world.services.sessions.live.by_id
    assert "too_many" == world.last("session.end")["reason"]


def test_own_logins_are_listed_named_and_ended(world: World) -> None:
    """One sees where one is logged in, names it, and ends the others."""
    ada = world.person("ada")
    phone = world.log_in(ada, replace(BROWSER, user_agent="phone"))
    world.clock.advance(5)
    caller = world.caller(ada)
    sessions = world.services.sessions
    world.site_token(phone)
    world.do(sessions.name(caller, phone.id, "my phone"))

    newest, older = sessions.list_for(ada.id)
    assert caller.login is not None
    assert caller.login.id == newest.id
    assert ("my phone", "phone", (SITE,)) == (older.name, older.user_agent, older.sites)
    assert 1 == world.do(sessions.revoke_others(caller))
    assert [newest.id] == [one.id for one in sessions.list_for(ada.id)]


def test_nobody_names_anothers_login(world: World) -> None:
    """A login of somebody else is not found."""
    login = world.log_in(world.person("ada"))
    eve = world.caller(world.person("eve"))

    with pytest.raises(NotFoundError):
        world.do(world.services.sessions.name(eve, login.id, "mine"))


def test_an_administrator_ends_anybodys(world: World) -> None:
    """One login, or all of an account: over with the next request."""
    ada = world.person("ada")
    one, two = world.log_in_step(ada), world.log_in_step(ada)
    admin = world.caller(world.enrolled("boss"))
    sessions = world.services.sessions
    world.do(sessions.revoke(admin, one.login_or_fail().id))
    assert sessions.resolve_login(one.step.token) is None
    assert sessions.resolve_login(two.step.token) is not None

    assert 1 == world.do(sessions.revoke_all(admin, ada.id))
    assert sessions.resolve_login(two.step.token) is None
    assert "boss" == world.last("session.revoke_all")["actor"]["name"]


def test_a_new_administrator_must_enrol_before_anything(world: World) -> None:
    """A role that needs a second factor takes effect on running logins, too."""
    ada = world.person("ada", "viewer")
    login = world.log_in(ada)
    token = world.site_token(login)
    world.do(world.services.accounts.set_role(Caller.cli(), ada.id, "admin"))

    assert Owes.ENROL == login.owes
    assert world.services.sessions.resolve_site(token, SITE) is None


def test_a_disabled_account_is_out_at_once(world: World) -> None:
    """Its site sessions end, and its keys are refused."""
    ada = world.person("ada", "editor")
    caller = world.caller(ada)
    assert caller.login is not None
    token = world.site_token(caller.login)
    _, key = world.do(world.services.keys.create(caller, name="k", scopes=["app.view"]))
    world.do(world.services.accounts.disable(Caller.cli(), ada.id))

    assert world.services.sessions.resolve_site(token, SITE) is None
    keys = world.services.keys
    assert None is world.on_loop(
        lambda: keys.authenticate(key, ip="192.0.2.1", host=SITE, path="/")
    )


def test_idle_stamps_are_written_once_a_minute(world: World) -> None:
    """Requests write nothing; the minute's round writes when a login was last used."""
    opened = world.log_in_step(world.person("ada"))
    before = world.services.sessions.list_for(opened.login_or_fail().account.id)[0].seen

    def stored() -> object:
        return world.services.core.store.read(
            lambda r: r.one("SELECT seen FROM logins")
        )

    old = stored()
    world.clock.advance(100)
    world.services.sessions.resolve_login(opened.step.token)
    assert old == stored()
    world.do(world.services.system.tick())

    assert (before + 100_000_000,) == stored()


def test_shorter_limits_hold_for_running_logins(world: World) -> None:
    """An idle limit that was changed while running counts at once."""
    opened = world.log_in_step(world.person("ada"))
    world.services.sessions.idle = 60.0
    world.clock.advance(60)

    assert world.services.sessions.resolve_login(opened.step.token) is None
    assert 60.0 == world.services.sessions.idle
    assert 3_600 == msgspec.structs.asdict(world.config.login)["idle"]


def test_no_login_of_an_inactive_account_holds(world: World) -> None:
    """Even one that were left over is refused."""
    opened = world.log_in_step(world.person("ada"))
    token = world.site_token(opened.login_or_fail())
    opened.login_or_fail().account.active = False

    assert world.services.sessions.resolve_login(opened.step.token) is None
    assert world.services.sessions.resolve_site(token, SITE) is None
