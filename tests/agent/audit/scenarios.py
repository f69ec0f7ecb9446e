"""What is done in an agent, by the events that it brings about."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from auth_agent.accounts import blocklist
from auth_agent.audit import segments
from auth_agent.audit.events import Event
from auth_agent.audit.reading import AuditQuery
from auth_agent.callers import Caller, Client
from auth_agent.errors import AgentError
from auth_agent.ids import token_hash
from auth_agent.web.actions.base import Principal, perform
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.actions.users import Nothing
from auth_agent.web.cookies import Cookie

from tests.agent.web.inside import Inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import Person, World

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1", request_id="r1")
CLI = Caller.cli()
LOGIN_HOST = "auth.example.com"
SITE = "app.example.com"
NEW = "another velvet tramp sock"

SCENARIOS: dict[Event, Callable[[World], None]] = {}
"""By event, what really brings it about."""


def does(
    *events: Event,
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Name the events that a scenario brings about."""

    def keep(scenario: Callable[[World], None]) -> Callable[[World], None]:
        for event in events:
            assert event not in SCENARIOS
            SCENARIOS[event] = scenario
        return scenario

    return keep


@does(
    Event.LOGIN_SUCCESS,
    Event.LOGIN_NEW_DEVICE,
    Event.SESSION_CREATE,
    Event.SESSION_END,
    Event.USER_CREATE,
    Event.USER_INVITE,
    Event.USER_INVITE_ACCEPT,
)
def logs_in_and_out(world: World) -> None:
    """An invited person logs in and out."""
    login = world.log_in(world.person("ada"))
    world.do(world.services.login.logout(login, BROWSER))


@does(Event.LOGIN_FAILURE, Event.LOGIN_LOCKOUT, Event.LOGIN_UNLOCK)
def is_locked_out(world: World) -> None:
    """Five wrong passwords, then an unlock."""
    ada = world.person("ada")
    for _ in range(5):
        with suppress(AgentError):
            world.guess(ada)
    world.do(world.services.bans.unlock(CLI, ada.id))


@does(Event.LOGIN_THROTTLED)
def is_throttled(world: World) -> None:
    """Eleven tries from one address."""
    for number in range(11):
        with suppress(AgentError):
            world.do(world.services.login.start(f"n{number}", "x", BROWSER))


@does(Event.SESSION_EXPIRE)
def is_idle(world: World) -> None:
    """A login that nobody uses for an hour."""
    world.log_in(world.person("ada"))
    world.clock.advance(3_600)
    world.do(world.services.system.tick())


@does(Event.SESSION_REVOKE_ONE, Event.SESSION_REVOKE_ALL)
def sessions_are_ended(world: World) -> None:
    """One login is ended by name, the others together."""
    ada = world.person("ada")
    first, _ = world.log_in(ada), world.log_in(ada)
    world.do(world.services.sessions.revoke(CLI, first.id))
    world.do(world.services.sessions.revoke_all(CLI, ada.id))


@does(Event.SESSION_REJECT_REPLAY)
def code_is_replayed(world: World) -> None:
    """A hand-over code is used twice."""
    login = world.log_in(world.person("ada"))
    code = world.services.sessions.issue_code(login, SITE, token_hash("b"))
    for _ in range(2):
        with suppress(AgentError):
            world.do(world.services.sessions.redeem_code(code, SITE, "b", BROWSER))


@does(Event.PASSWORD_CHANGE)
def password_is_changed(world: World) -> None:
    """Somebody changes their own password."""
    ada = world.person("ada")
    caller = world.caller(ada)
    world.do(world.services.accounts.change_password(caller, ada.password, NEW))


@does(Event.PASSWORD_RESET_REQUEST, Event.PASSWORD_RESET_DONE)
def password_is_reset(world: World) -> None:
    """An administrator's link sets a new password."""
    link = world.do(world.services.accounts.reset(CLI, world.person("ada").id))
    world.do(world.services.accounts.finish_reset(link.token, NEW, BROWSER))


@does(Event.PASSWORD_RESET_FAIL)
def reset_fails(world: World) -> None:
    """A link that is none."""
    with suppress(AgentError):
        world.do(world.services.accounts.finish_reset("x", NEW, BROWSER))


@does(Event.PASSWORD_BREACHED_FOUND)
def password_was_breached(world: World) -> None:
    """A password that came onto the list after it was set."""
    ada = world.person("ada", "viewer", "some quite long words")
    ranks = blocklist._ranks()  # noqa: SLF001 - a newer list
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ranks, "some quite long words", 1.0)
        world.log_in(ada)


@does(Event.PASSWORD_REHASH)
def password_is_hashed_anew(world: World) -> None:
    """The work factors rose since the password was set."""
    ada = world.person("ada")
    passwords = msgspec.structs.replace(world.config.passwords, iterations=2)
    world.config = msgspec.structs.replace(world.config, passwords=passwords)
    world.restart()
    world.log_in(ada)


@does(Event.TOTP_ADD, Event.RECOVERY_GENERATE, Event.TOTP_FAIL, Event.TOTP_REPLAY)
def codes_are_tried(world: World) -> None:
    """Enrolled, then a wrong code and one that was used."""
    ada = world.person("ada")
    world.enrol(ada, world.log_in(ada))
    step = world.start(ada)
    for code in ("000000", world.code(ada)):
        with suppress(AgentError):
            world.do(world.services.login.totp(step.transaction, code, BROWSER))


@does(Event.TOTP_REMOVE)
def totp_is_removed(world: World) -> None:
    """A viewer takes the second factor off."""
    caller = world.caller(world.enrolled("ada", "viewer"))
    world.do(world.services.factors.remove_totp(caller))


@does(Event.RECOVERY_USE, Event.RECOVERY_FAIL)
def recovery_codes_are_tried(world: World) -> None:
    """A wrong one, then a right one."""
    ada = world.enrolled("ada")
    step = world.start(ada)
    for code in ("aaaa-aaaa-aaaa-aaaa", ada.codes[3]):
        with suppress(AgentError):
            world.do(world.services.login.recovery(step.transaction, code, BROWSER))


def _key(world: World, ada: Person) -> tuple[Caller, str, str]:
    caller = world.caller(ada)
    info, key = world.do(
        world.services.keys.create(
            caller, name="k", scopes=["app.view"], networks=["203.0.113.0/24"]
        )
    )
    return caller, info.id, key


@does(
    Event.APIKEY_CREATE,
    Event.APIKEY_ROTATE,
    Event.APIKEY_REVOKE,
    Event.APIKEY_LEAK_REPORT,
    Event.APIKEY_USE_DENIED,
)
def key_comes_and_goes(world: World) -> None:
    """Made, refused from elsewhere, rotated, found by somebody."""
    caller, key_id, _ = _key(world, world.person("ada"))
    keys = world.services.keys
    _, key = world.do(keys.rotate(caller, key_id))
    world.on_loop(lambda: keys.authenticate(key, ip="192.0.2.1", host=SITE, path="/"))
    world.do(keys.report_leak(key, BROWSER))


@does(Event.APIKEY_EXPIRE)
def key_ends(world: World) -> None:
    """Ninety days later."""
    _key(world, world.person("ada"))
    world.clock.advance(90 * 86_400)
    world.do(world.services.system.tick())


@does(
    Event.USER_UPDATE,
    Event.USER_MAIL_CHANGE,
    Event.USER_ROLE_CHANGE,
    Event.USER_DISABLE,
    Event.USER_ENABLE,
    Event.USER_DELETE,
)
def account_is_managed(world: World) -> None:
    """Everything an administrator does to an account."""
    ada, accounts = world.person("ada"), world.services.accounts
    world.do(accounts.update(CLI, ada.id, display_name="Ada L."))
    world.do(accounts.change_email(CLI, ada.id, "new@example.com"))
    world.do(accounts.set_role(CLI, ada.id, "editor"))
    world.do(accounts.disable(CLI, ada.id))
    world.do(accounts.enable(CLI, ada.id))
    world.do(accounts.delete(CLI, ada.id))


@does(Event.ACCESS_DENIED)
def access_is_denied(world: World) -> None:
    """A viewer asks the gate for what an administrator may see."""
    browser = Inside.of(world).browser()
    login = world.log_in(world.person("ada"))
    browser.cookies[SITE] = {Cookie.SITE: world.site_token(login)}
    assert browser.verify("/").status == 200
    assert browser.verify("/admin").status == 403


@does(Event.ACCESS_STEP_UP_REQUIRED, Event.ACCESS_STEP_UP_DONE)
def steps_up(world: World) -> None:
    """A sensitive action too late, and the authentication it asks for."""
    ada = world.person("ada")
    caller = world.caller(ada)
    world.clock.advance(301)
    with suppress(AgentError):
        world.do(world.services.factors.begin_totp(caller))
    assert caller.login is not None
    world.do(world.services.login.step_up(caller.login, ada.password, "", BROWSER))


@does(Event.ADMIN_SETTINGS_CHANGE, Event.ADMIN_POLICY_CHANGE, Event.SYSTEM_CONFIG_ERROR)
def configuration_is_reloaded(world: World) -> None:
    """What a reload of the file finds: settings, rules, an error."""
    path = Path(world.config.server.state) / "agent.toml"
    path.write_text(
        f'[login]\nhost = "{LOGIN_HOST}"\nidle = 120\n'
        f'[[sites]]\nhost = "{SITE}"\npublic = ["/open"]\n'
    )
    runtime = Inside.of(world, path).runtime
    operator = Principal(CLI, frozenset())
    for name in ("settings.reload", "policy.reload"):
        world.do(perform(runtime, operator, ACTIONS[name], Nothing()))
    path.write_text("[login]\nidel = 120\n")
    with suppress(AgentError):
        world.do(perform(runtime, operator, ACTIONS["settings.reload"], Nothing()))


@does(Event.ADMIN_EXPORT, Event.ADMIN_AUDIT_READ)
def log_is_read(world: World) -> None:
    """Searched and exported."""
    world.do(world.services.audit.search(CLI, AuditQuery()))

    async def export() -> int:
        return sum(
            [len(part) async for part in world.services.audit.export(CLI, AuditQuery())]
        )

    assert world.do(export()) > 0


@does(Event.ADMIN_SECRET_ROTATE)
def secrets_are_rotated(world: World) -> None:
    """The second factors get a new sealing key."""
    world.do(world.services.system.rotate_secrets(CLI))


@does(
    Event.SYSTEM_START,
    Event.SYSTEM_STOP,
    Event.SYSTEM_MIGRATE,
    Event.SYSTEM_AUDIT_CHECKPOINT,
)
def agent_is_restarted(world: World) -> None:
    """Stopped, and started again on a store that has to be made anew."""
    world.do(world.services.close())
    database = Path(world.config.server.state) / "agent.db"
    database.rename(database.with_suffix(".aside"))
    world.services = world.do(world.open())


@does(Event.SYSTEM_CLOCK_JUMP)
def clock_falls_back(world: World) -> None:
    """The wall clock goes back by ten minutes."""
    world.clock.set_back(600)
    world.do(world.services.system.tick())
    world.clock.advance(600)


@does(Event.SYSTEM_AUDIT_VERIFY_FAIL)
def log_is_tampered_with(world: World) -> None:
    """Somebody changed a byte; a check finds it."""
    path = segments.segment_path(world.services.log.folder, 1)
    path.write_bytes(path.read_bytes().replace(b"system.start", b"system.starT", 1))
    assert not world.do(world.services.audit.verify(CLI)).holds


@does(Event.SYSTEM_AUDIT_RETENTION_CUT)
def old_segments_are_retired(world: World) -> None:
    """Two years of rounds."""
    for _ in range(24):
        world.clock.advance(31 * 86_400)
        world.do(world.services.system.tick())
