"""What everybody does with one's own account, also without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.agent.browser.pages import (
    AT_LOGIN,
    AT_SITE,
    choose_password,
    done,
    enrol,
    follow,
    heading,
    press,
    row,
    second_factor,
    sign_in,
    sign_out,
)
from tests.agent.browser.watch import Watch
from tests.agent.caddy.front import Front, shown
from tests.agent.web.browser import PASSWORD, SITE, Browser, Member, Socket


def _joined(front: Front, page: Page, name: str, role: str = "viewer") -> None:
    """Make an account on the host, and sign in to it for the first time."""
    words = ("users", "add", name, name.title(), f"{name}@example.com", "--role", role)
    page.goto(AT_LOGIN + front.agent.link(*words))
    choose_password(page)
    sign_in(page, name)


@pytest.mark.parametrize("script", [True, False])
def test_all_of_it_works_with_and_without_script(
    front: Front, watch: Watch, script: bool
) -> None:
    """Invitation, second factor, recovery code, a deep link, signing out."""
    page = watch.open(script=script)
    name = "with" if script else "without"
    member = Member(name, Browser(Socket(front.agent.gate)), "", ())
    _joined(front, page, name, "admin")
    enrol(page, member)
    sign_out(page)

    page.goto(f"{AT_SITE}/deep?to={name}")
    sign_in(page, name)
    second_factor(page, member)
    expect(page).to_have_url(f"{AT_SITE}/deep?to={name}")
    page.goto(f"{AT_LOGIN}/logout")
    sign_out(page)

    page.goto(f"{AT_LOGIN}/login")
    sign_in(page, name)
    page.get_by_text("Use a recovery code instead").click()
    page.get_by_label("Recovery code").fill(member.codes[0])
    press(page, "Continue with recovery code")
    heading(page, name.title())
    expect(page.get_by_text("Recovery codes left: 9.")).to_be_visible()


def test_a_wrong_code_may_be_tried_again_or_begun_anew(
    front: Front, page: Page
) -> None:
    """The page says what was wrong, and offers a new QR code."""
    _joined(front, page, "wendy")
    press(page, "Set up authenticator app")
    first = page.locator("code.secret").inner_text()
    page.get_by_label("Code with six digits").fill("000000")
    press(page, "Turn on")
    expect(page.get_by_role("alert")).to_have_text(
        "That is not right; try the next code"
    )

    press(page, "Show a new QR code")

    second = page.locator("code.secret").inner_text()
    assert first != second


def test_a_key_is_made_used_and_revoked(front: Front, page: Page) -> None:
    """It opens the site through the proxy, for what it may, until it is revoked."""
    _joined(front, page, "kim", "editor")
    page.get_by_text("New key").click()
    page.get_by_label("Name", exact=True).fill("Backup")
    page.get_by_label("app.view").check()
    press(page, "Make key")
    heading(page, "Your new key")
    key = page.locator("code.secret").inner_text()
    script, headers = front.browser(), {"Authorization": f"Bearer {key}"}
    seen = shown(script.ask("GET", SITE, "/", headers=headers))
    assert seen.value("remote-permissions") == "app.view"

    follow(page, "Done")
    expect(row(page, "Backup").first).to_contain_text(key[:10])
    press(page, "Revoke: Backup")

    done(page, "The key was revoked.")
    assert script.ask("GET", SITE, "/", headers=headers).status == 401


def test_a_new_password_ends_the_other_sessions(
    front: Front, watch: Watch, page: Page
) -> None:
    """One's own goes on; the others must sign in, with the new one."""
    new = f"{PASSWORD} and boots"
    _joined(front, page, "pam")
    other = watch.open()
    other.goto(f"{AT_LOGIN}/login")
    sign_in(other, "pam")
    heading(other, "Pam")

    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_label("New password").fill(new)
    press(page, "Change password")
    done(page, "Your password was changed; your other sessions ended.")

    other.reload()
    heading(other, "Sign in")
    sign_in(other, "pam", new)
    heading(other, "Pam")


def test_ones_own_sessions_are_named_and_ended(
    front: Front, watch: Watch, page: Page
) -> None:
    """This one is marked; all others end with one press."""
    _joined(front, page, "sam")
    other = watch.open()
    other.goto(f"{AT_LOGIN}/login")
    sign_in(other, "sam")
    heading(other, "Sam")

    page.goto(f"{AT_LOGIN}/account")
    mine = row(page, "this one")
    mine.get_by_label("Name of this session").fill("Desk")
    press(mine, "Name")
    expect(row(page, "this one")).to_contain_text("Desk")
    press(page, "End all others")

    done(page, "All other sessions were ended.")
    other.reload()
    heading(other, "Sign in")


def test_a_sensitive_act_asks_who_is_there(front: Front, page: Page) -> None:
    """And is done once that is answered, with the page one came from."""
    _joined(front, page, "tim")
    page.goto(f"{AT_LOGIN}/confirm?back=/account")
    heading(page, "Confirm it is you")
    page.get_by_label("Password").fill("not it at all, sorry")
    press(page, "Confirm")
    expect(page.get_by_role("alert")).to_have_text(re.compile("not right"))
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm")

    heading(page, "Tim")
    done(page, "Thank you. Please repeat what you wanted to do.")
