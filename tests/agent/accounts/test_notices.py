"""What happens to an account is told to its owner: on the page, and by mail."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from auth_agent.accounts.notices import MOST, Notice
from auth_agent.accounts.post import TRIES
from auth_agent.callers import Caller, Client
from auth_agent.errors import AgentError
from auth_agent.storage.sqlite import SqliteStore

from tests.agent.web.inside import Inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import Person, World

BROWSER = Client(ip="192.0.2.1", user_agent="browser/1")
CLI = Caller.cli()
NEW = "another velvet tramp sock"


def told(world: World, person: Person) -> list[str]:
    """Return the kinds of the person's notices, newest first."""
    return [one.kind for one in world.services.accounts.notices(person.id)]


def from_elsewhere(world: World, ada: Person) -> None:
    """Sign in from a second browser."""
    world.log_in(ada)
    world.clock.advance(30)
    world.log_in(ada, Client(ip="198.51.100.1", user_agent="another/1"))


def after_failures(world: World, ada: Person) -> None:
    """Sign in from a known browser after five tries of strangers."""
    world.log_in(ada)
    fail(world, ada, 5)
    world.log_in(ada, replace(BROWSER, device=ada.device))


def fail(world: World, person: Person, times: int) -> None:
    """Try so many wrong passwords as strangers, a second after what was before."""
    world.clock.advance(1)
    for number in range(times):
        with suppress(AgentError):
            world.guess(person, Client(ip=f"198.51.100.{number}"))


def password_is_changed(world: World, ada: Person) -> None:
    """Change one's own password."""
    caller = world.caller(ada)
    world.do(world.services.accounts.change_password(caller, ada.password, NEW))


def password_is_set(world: World, ada: Person) -> None:
    """Use a link of an administrator."""
    link = world.do(world.services.accounts.reset(CLI, ada.id))
    world.do(world.services.accounts.finish_reset(link.token, NEW, BROWSER))


def factor_is_added(world: World, ada: Person) -> None:
    """Enrol an authenticator app."""
    world.enrol(ada, world.log_in(ada))


def factor_is_removed(world: World, ada: Person) -> None:
    """Take it off again."""
    login = world.log_in(ada)
    world.enrol(ada, login)
    world.do(world.services.factors.remove_totp(Caller.of(login, BROWSER)))


def factor_is_taken_off(world: World, ada: Person) -> None:
    """Have an administrator take it off, since it was lost."""
    world.enrol(ada, world.log_in(ada))
    world.do(world.services.accounts.recover(CLI, ada.id))


def codes_are_made(world: World, ada: Person) -> None:
    """Get new recovery codes."""
    login = world.log_in(ada)
    world.enrol(ada, login)
    caller = Caller.of(login, BROWSER)
    world.do(world.services.factors.new_recovery_codes(caller))


def code_is_used(world: World, ada: Person) -> None:
    """Sign in with a recovery code."""
    world.enrol(ada, world.log_in(ada))
    step = world.start(ada)
    recovery = world.services.login.recovery
    world.do(recovery(step.transaction, ada.codes[0], BROWSER))


def address_is_changed(world: World, ada: Person) -> None:
    """Get another address."""
    world.do(world.services.accounts.change_email(CLI, ada.id, "new@example.com"))


def key_is_made(world: World, ada: Person) -> None:
    """Make an API key."""
    caller = world.caller(ada)
    world.do(world.services.keys.create(caller, name="k", scopes=["app.view"]))


SCENARIOS: list[tuple[Notice, Callable[[World, Person], None]]] = [
    (Notice.NEW_DEVICE, from_elsewhere),
    (Notice.FAILURES, after_failures),
    (Notice.PASSWORD_CHANGED, password_is_changed),
    (Notice.PASSWORD_SET, password_is_set),
    (Notice.RESET_STARTED, password_is_set),
    (Notice.FACTOR_ADDED, factor_is_added),
    (Notice.FACTOR_REMOVED, factor_is_removed),
    (Notice.FACTOR_REMOVED, factor_is_taken_off),
    (Notice.CODES_MADE, codes_are_made),
    (Notice.CODE_USED, code_is_used),
    (Notice.EMAIL_CHANGED, address_is_changed),
    (Notice.KEY_MADE, key_is_made),
]


def test_every_notice_has_its_scenario() -> None:
    """None is written by nothing."""
    assert set(Notice) == {kind for kind, _ in SCENARIOS}


@pytest.mark.parametrize(
    ("kind", "happens"),
    SCENARIOS,
    ids=[f"{kind}-{one.__name__}" for kind, one in SCENARIOS],
)
def test_it_is_told(
    world: World, kind: Notice, happens: Callable[[World, Person], None]
) -> None:
    """Once, to its owner alone, with where from; and by mail."""
    eve, ada = world.person("eve"), world.person("ada")
    assert [] == told(world, ada)
    happens(world, ada)

    assert 1 == told(world, ada).count(kind)
    assert [] == told(world, eve)
    [notice] = [
        one for one in world.services.accounts.notices(ada.id) if one.kind == kind
    ]
    assert notice.text
    world.do(world.services.post.send())
    mails = [text for to, text in world.mails if to == "ada@example.com"]
    [mail] = [text for text in mails if notice.text in text]
    assert (notice.ip or "the host itself") in mail
    assert {to for to, _ in world.mails} <= {"ada@example.com", "new@example.com"}
    for secret in (ada.password, NEW, *ada.codes, *filter(None, [ada.secret])):
        assert secret not in "".join(mails)


def test_both_addresses_are_told_of_a_change(world: World) -> None:
    """Whoever has the old one learns that it is not the account's any more."""
    address_is_changed(world, world.person("ada"))
    world.do(world.services.post.send())

    assert ["ada@example.com", "new@example.com"] == [to for to, _ in world.mails]


def test_the_first_browser_is_nothing_new(world: World) -> None:
    """To an account that nobody used yet every browser is new."""
    ada = world.person("ada")
    world.log_in(ada)

    assert [] == told(world, ada)


def test_four_failures_are_not_told(world: World) -> None:
    """Nor are old ones told again at the next login."""
    ada = world.person("ada")
    world.log_in(ada)
    mine = replace(BROWSER, device=ada.device)
    fail(world, ada, 4)
    world.log_in(ada, mine)
    assert [] == told(world, ada)

    fail(world, ada, 1)
    world.clock.advance(1)
    world.log_in(ada, mine)
    world.clock.advance(1)
    world.log_in(ada, mine)

    assert [Notice.FAILURES] == told(world, ada)


def test_failures_of_both_factors_are_told_together(world: World) -> None:
    """Three passwords and two codes of one's own make five."""
    ada = world.enrolled("ada", "viewer")
    world.log_in(ada)
    mine = replace(BROWSER, device=ada.device)
    world.clock.advance(30)
    for _ in range(3):
        with suppress(AgentError):
            world.guess(ada, mine)
    step = world.start(ada, mine)
    for _ in range(2):
        with suppress(AgentError):
            world.do(world.services.login.totp(step.transaction, "000000", mine))
    code = world.code(ada)
    world.do(world.services.login.totp(step.transaction, code, mine))

    newest = world.services.accounts.notices(ada.id)[0]
    assert (Notice.FAILURES, "Signed in after 5 failed tries") == (
        newest.kind,
        newest.text,
    )


def test_the_newest_are_kept(world: World) -> None:
    """An account's list does not grow without end."""
    ada = world.person("ada")
    for number in range(MOST + 5):
        address = f"a{number}@example.com"
        world.do(world.services.accounts.change_email(CLI, ada.id, address))

    assert MOST == len(told(world, ada))


class BadServer:
    """A mail server that is away for so many tries."""

    def __init__(self, world: World, failures: int) -> None:
        self._world = world
        self.failures = failures

    def send(self, *, to: str, subject: str, text: str) -> None:
        """Fail, or hand it on."""
        if self.failures:
            self.failures -= 1
            message = "connection refused"
            raise OSError(message)
        self._world.send(to=to, subject=subject, text=text)


def test_a_mail_waits_for_its_server_and_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again after one minute, two, four; also by the next process."""
    away = BadServer(world, 2)
    address_is_changed(world, world.person("ada"))
    monkeypatch.setattr(world.services.post, "_mailer", away)
    assert 0 == world.do(world.services.post.send())
    world.clock.advance(59)
    assert 0 == world.do(world.services.post.send())
    assert [] == world.mails
    world.restart()
    world.clock.advance(1)

    assert 2 == world.do(world.services.post.send())
    assert 0 == world.do(world.services.post.send())
    assert 2 == len(world.mails)


def test_a_mail_that_nobody_takes_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After eight tries; the notice on the page stays."""
    ada = world.person("ada")
    password_is_changed(world, ada)
    away = BadServer(world, 1_000)
    monkeypatch.setattr(world.services.post, "_mailer", away)
    for _ in range(TRIES + 3):
        world.do(world.services.post.send())
        world.clock.advance(86_400)

    assert 1_000 - TRIES == away.failures
    assert [Notice.PASSWORD_CHANGED] == told(world, ada)


def test_rounds_send_mails_without_waiting(world: World) -> None:
    """The process' round begins it; nobody's request does."""
    address_is_changed(world, world.person("ada"))

    async def rounds() -> None:
        await world.services.system.tick()
        task = world.services.post._task  # noqa: SLF001 - what the round has begun
        assert task is not None
        await task

    world.do(rounds())

    assert 2 == len(world.mails)


def test_without_a_mail_server_nothing_waits(world: World) -> None:
    """Notices stand on the page; no mails gather for a server that may come."""
    world.services.core.mails = False
    ada = world.person("ada")
    address_is_changed(world, ada)
    store = world.services.core.store
    assert isinstance(store, SqliteStore)

    assert [Notice.EMAIL_CHANGED] == told(world, ada)
    assert [] == store.read(lambda reader: reader.all("SELECT * FROM notice_mails"))


def test_nothing_is_left_of_a_deleted_account(world: World) -> None:
    """Neither its notices nor its mails."""
    ada = world.person("ada")
    address_is_changed(world, ada)
    world.do(world.services.accounts.delete(CLI, ada.id))

    assert [] == told(world, ada)
    assert 0 == world.do(world.services.post.send())


def test_the_account_page_and_the_api_show_them(world: World) -> None:
    """The newest first; one's own only."""
    eve, ada = world.person("eve"), world.person("ada")
    inside = Inside.of(world)
    browser = inside.sign_in(ada)
    address_is_changed(world, ada)

    assert "The e-mail address was changed" in browser.get("/account").text
    assert "email_changed" in browser.get("/api/v1/me/notices").text
    other = inside.sign_in(eve)
    assert "address was changed" not in other.get("/account").text
    assert "[]" == other.get("/api/v1/me/notices").text
