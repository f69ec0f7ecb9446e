"""What a password must be, and which ones everybody would guess."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from auth_agent.accounts import blocklist, passwords
from auth_agent.callers import Caller, Client
from auth_agent.errors import LinkRefusedError, PasswordRefusedError
from auth_agent.sessions.model import Owes
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.agent.conftest import World

BROWSER = Client(ip="192.0.2.1")
GOOD = "velvet tramp owl sock"


@pytest.mark.parametrize(
    ("password", "minimum", "reason"),
    [
        ("", 15, "too_short"),
        ("plum radish ox", 15, "too_short"),
        ("x7$Kq9!", 8, "too_short"),
        ("ab " * 43, 15, "too_long"),
        ("velvet\0tramp owl sock", 15, "unreadable"),
        ("velvet\ntramp owl sock", 15, "unreadable"),
        ("velvet\ud800tramp owl", 15, "unreadable"),
    ],
)
def test_refused_forms(password: str, minimum: int, reason: str) -> None:
    """Too short, too long, unreadable: refused with the reason, never cut."""
    with pytest.raises(PasswordRefusedError) as refused:
        passwords.check(password, minimum=minimum, own_words=())

    assert reason == refused.value.reason


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password12345678!",
        "P@ssw0rdP@ssw0rd",
        "qwertyuiopasdfgh",
        "1qaz2wsx3edc4rfv",
        "aaaaaaaaaaaaaaaa",
        "123456789012345",
        "987654321098765",
        "abcdefghijklmnop",
        "abcabcabcabcabcabc",
        "iloveyouiloveyou1",
        "letmeinletmein2024",
        "mypasswordismypassword",
        "monkeydragonmaster",
        "Sunshine-Football-2024",
        "welcomewelcome99",
        "zyxwvutsrqponmlk",
        "adminadminadmin1!",
        "trustno1trustno1",
        "!@#$%^&*()!@#$%^",
    ],
)
def test_common_passwords_of_full_length_are_refused(password: str) -> None:
    """Fifteen characters do not help what everybody comes to."""
    with pytest.raises(PasswordRefusedError) as refused:
        passwords.check(password, minimum=15, own_words=())

    assert "common" == refused.value.reason


def test_thousands_of_leaked_passwords_bite() -> None:
    """Every leaked password that fits the short policy is refused, and its double."""
    leaked = [word for word in blocklist._ranks() if len(word) >= 8]  # noqa: SLF001 - the list itself

    assert len(leaked) >= 3_000
    for word in leaked[:3_000]:
        assert passwords.common(word)
    for word in leaked[:300]:
        assert passwords.common(word + word)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "velvet tramp owl sock",
        "my dog eats 3 carrots",
        "Heizölrückstoßabdämpfung",
        "пароль не для всех",
        "kQ4#vR9!mZ2@xL7$",
        "a" + "kj3 9fd;Q" * 14,
    ],
)
def test_good_passwords_are_taken(password: str) -> None:
    """Phrases, other scripts, random characters and 127 of them are all right."""
    assert passwords.check(password, minimum=15, own_words=("keepgate", "ada"))


@pytest.mark.parametrize(
    "password", ["keepgate keepgate", "Ada-Lovelace-2024", "app.example.com!"]
)
def test_words_of_site_and_account_are_refused(password: str) -> None:
    """What is made of the site's and the account's words is refused, and says so."""
    own = passwords.words_of("Keepgate", "app.example.com", "ada", "Ada Lovelace")

    with pytest.raises(PasswordRefusedError) as refused:
        passwords.check(password, minimum=15, own_words=own)

    assert "site_words" == refused.value.reason


def test_128_characters_are_taken_and_129_refused() -> None:
    """The bound is exact, in code points after normalisation."""
    long = ("kj3 9fd;Q" * 15)[:128]

    assert long == passwords.check(long, minimum=15, own_words=())
    with pytest.raises(PasswordRefusedError):
        passwords.check(long + "x", minimum=15, own_words=())


def test_letters_are_counted_as_they_are_kept() -> None:
    """A letter and its accent are one character; a ligature that unfolds is more."""
    decomposed = unicodedata.normalize("NFD", "éèêëàâäùûüîïôö1")

    assert 15 == len(passwords.check(decomposed, minimum=15, own_words=()))
    assert None is passwords.normalised("\ufdfa" * 20)


def test_the_same_password_in_another_form_logs_in(world: World) -> None:
    """How a keyboard composes letters makes no difference."""
    composed = "heizölrückstoßabdämpfung"
    ada = world.person("ada", password=unicodedata.normalize("NFC", composed))

    assert world.start(ada, password=unicodedata.normalize("NFD", composed)).token


@given(st.text(max_size=200))
def test_any_text_is_priced_and_normalised(password: str) -> None:
    """No text breaks the check, and the normal form is its own normal form."""
    form = passwords.normalised(password)

    assert 0 <= blocklist.bits(password) <= blocklist.ENOUGH_BITS
    if form is not None:
        assert form == passwords.normalised(form)
        assert len(form) <= 128


def test_eight_characters_where_a_second_factor_is_enforced(world: World) -> None:
    """An administrator may have a short one; a viewer may not."""
    world.person("boss", "admin", "x7$Kq9!z")

    with pytest.raises(PasswordRefusedError):
        world.person("ada", "viewer", "x7$Kq9!z")


def test_a_short_password_is_changed_when_it_stands_alone(world: World) -> None:
    """Who is an administrator no more must choose a longer one first."""
    world.person("boss", "admin")
    ada = world.person("ada", "admin", "x7$Kq9!z")
    world.do(world.services.accounts.set_role(Caller.cli(), ada.id, "viewer"))

    login = world.log_in(ada)

    assert Owes.CHANGE_PASSWORD == login.owes
    caller = Caller.of(login, BROWSER)
    world.do(world.services.accounts.change_password(caller, ada.password, GOOD))
    assert Owes.NOTHING == login.owes


def test_a_password_that_came_onto_the_list_is_changed_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the next login it is found, recorded, and everything else waits."""
    ada = world.person("ada", "viewer", "one nice long password x")
    monkeypatch.setitem(blocklist._ranks(), "one nice long password x", 1.0)  # noqa: SLF001 - a newer list
    monkeypatch.setattr(blocklist, "_MAX_PIECE", 30)

    login = world.log_in(ada)

    assert Owes.CHANGE_PASSWORD == login.owes
    assert "password.breached_found" in world.events()


def test_changing_a_password_ends_the_other_logins(world: World) -> None:
    """The one it is changed from goes on, with a new token."""
    ada = world.person("ada")
    other, mine = world.log_in_step(ada), world.log_in_step(ada)
    caller = Caller.of(mine.login_or_fail(), BROWSER)
    step = world.do(
        world.services.accounts.change_password(caller, ada.password, GOOD + "s")
    )

    resolve = world.services.sessions.resolve_login
    assert None is resolve(other.step.token)
    assert None is resolve(mine.step.token)
    assert mine.login_or_fail() is resolve(step.token)
    assert world.start(ada, password=GOOD + "s").token


@pytest.mark.parametrize(
    ("new", "reason"), [(GOOD, "same"), ("short", "too_short"), ("a" * 20, "common")]
)
def test_a_refused_new_password_changes_nothing(
    world: World, new: str, reason: str
) -> None:
    """The old one stays, and nothing is counted as a failure."""
    ada = world.person("ada", password=GOOD)
    caller = world.caller(ada)

    with pytest.raises(PasswordRefusedError) as refused:
        world.do(world.services.accounts.change_password(caller, GOOD, new))

    assert reason == refused.value.reason
    assert world.start(ada).token
    assert "login.failure" not in world.events()


def test_old_work_factors_are_replaced_at_login(world: World) -> None:
    """After the settings rose the next login hashes anew, and records it."""
    import msgspec  # noqa: PLC0415 - only here

    ada = world.person("ada")
    world.config = msgspec.structs.replace(
        world.config,
        passwords=msgspec.structs.replace(world.config.passwords, iterations=2),
    )
    world.restart()
    world.log_in(ada)
    world.log_in(ada)

    assert 1 == world.events().count("password.rehash")
    stored = world.services.core.store.read(
        lambda r: r.one("SELECT password FROM users WHERE id = ?", (ada.id,))
    )
    assert stored is not None
    assert str(stored[0]).startswith("$argon2id$v=19$m=64,t=2,p=1$")


def test_a_link_for_something_else_sets_no_password(world: World) -> None:
    """An invitation is no reset, and a reset no invitation."""
    ada = world.person("ada")
    reset = world.do(world.services.accounts.reset(Caller.cli(), ada.id))

    with pytest.raises(LinkRefusedError):
        world.do(world.services.accounts.accept_invite(reset.token, GOOD, BROWSER))
    world.do(world.services.accounts.finish_reset(reset.token, GOOD, BROWSER))
