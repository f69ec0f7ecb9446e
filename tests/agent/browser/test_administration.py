"""What administrators do to others, and what those see of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.agent.browser.pages import (
    AT_LOGIN,
    AT_SITE,
    WRONG,
    choose_password,
    done,
    follow,
    heading,
    press,
    row,
    sign_in,
    sign_out,
)
from tests.agent.browser.watch import Watch
from tests.agent.caddy.front import Front
from tests.agent.web.browser import PASSWORD, SITE, Member

LOCKOUT = 5


def _invite(admin_page: Page, name: str, role: str = "viewer") -> str:
    """Invite somebody; return the link to hand over."""
    admin_page.goto(f"{AT_LOGIN}/admin/users")
    admin_page.get_by_label("Account name").fill(name)
    admin_page.get_by_label("Name", exact=True).fill(name.title())
    admin_page.get_by_label("E-mail address").fill(f"{name}@example.com")
    admin_page.get_by_label("Role").select_option(role)
    press(admin_page, "Invite")
    heading(admin_page, "Hand over this link")
    return admin_page.locator("code.secret").inner_text()


def _join(page: Page, link: str, name: str) -> None:
    """Accept an invitation and sign in."""
    page.goto(link)
    heading(page, f"Welcome, {name.title()}")
    choose_password(page)
    sign_in(page, name)
    heading(page, name.title())


def _open_user(admin_page: Page, name: str) -> None:
    admin_page.goto(f"{AT_LOGIN}/admin/users?search={name}")
    follow(admin_page, name)
    heading(admin_page, name.title())


def test_somebody_is_invited_and_joins(admin_page: Page, page: Page) -> None:
    """The link is shown once, works once, and the account stands in the list."""
    link = _invite(admin_page, "ines", "editor")
    admin_page.goto(f"{AT_LOGIN}/admin/users")
    expect(row(admin_page, "ines@example.com")).to_contain_text("invited")

    _join(page, link, "ines")

    admin_page.reload()
    expect(row(admin_page, "ines@example.com")).to_contain_text("active")
    page.goto(link)
    heading(page, "That did not work")


def test_a_weak_password_is_refused_with_the_reason(
    admin_page: Page, page: Page
) -> None:
    """Too short, too common, or not typed twice alike."""
    page.goto(_invite(admin_page, "wes"))

    for password, again, reason in (
        ("short", "short", re.compile("15")),
        ("passwordpassword", "passwordpassword", re.compile("everybody|common")),
        (PASSWORD, f"{PASSWORD}!", re.compile("differ")),
    ):
        page.get_by_label(re.compile("^Password [^,]")).fill(password)
        page.get_by_label("Password, once more").fill(again)
        press(page, "Save")
        expect(page.get_by_role("alert")).to_have_text(reason)


def test_a_lockout_is_seen_and_lifted(
    watch: Watch, admin_page: Page, page: Page
) -> None:
    """Strangers are kept out, the owner's own device is not; an administrator helps."""
    _join(page, _invite(admin_page, "lou"), "lou")
    sign_out(page)
    stranger = watch.open()
    stranger.goto(f"{AT_LOGIN}/login")
    for _ in range(LOCKOUT):
        sign_in(stranger, "lou", WRONG)
        expect(stranger.get_by_role("alert")).to_contain_text("That is not right")
    sign_in(stranger, "lou")
    expect(stranger.get_by_role("alert")).to_contain_text("That is not right")

    page.goto(f"{AT_LOGIN}/login")
    sign_in(page, "lou")
    heading(page, "Lou")
    admin_page.goto(f"{AT_LOGIN}/admin/bans")
    expect(row(admin_page, "lou")).to_contain_text("lockout")
    _open_user(admin_page, "lou")
    expect(admin_page.get_by_text("locked", exact=True)).to_be_visible()
    press(admin_page, "Unlock")

    done(admin_page, "The account was unlocked.")
    expect(admin_page.get_by_text("locked", exact=True)).to_have_count(0)
    sign_in(stranger, "lou")
    heading(stranger, "Lou")


def test_a_role_counts_from_the_next_click(admin_page: Page, page: Page) -> None:
    """What a page offers and what the site allows follow at once, up and down."""
    _join(page, _invite(admin_page, "ron"), "ron")
    page.goto(f"{AT_SITE}/")
    expect(page.locator("#role")).to_have_text("viewer")
    page.goto(f"{AT_SITE}/admin")
    heading(page, "Not allowed")

    _open_user(admin_page, "ron")
    admin_page.get_by_label("Role").select_option("editor")
    press(admin_page, "Change role")
    done(admin_page, "The role was changed; it is effective at once.")
    page.goto(f"{AT_SITE}/")
    expect(page.locator("#role")).to_have_text("editor")

    admin_page.get_by_label("Role").select_option("viewer")
    press(admin_page, "Change role")
    done(admin_page, "The role was changed; it is effective at once.")
    page.reload()
    expect(page.locator("#role")).to_have_text("viewer")


def test_a_disabled_account_is_out_at_once(admin_page: Page, page: Page) -> None:
    """At the site and at the pages; and in again when it is enabled."""
    _join(page, _invite(admin_page, "dan"), "dan")
    page.goto(f"{AT_SITE}/")
    expect(page.locator("#user")).to_have_text("dan")

    _open_user(admin_page, "dan")
    press(admin_page, "Disable")
    expect(admin_page.get_by_text("disabled", exact=True)).to_be_visible()

    page.reload()
    heading(page, "Sign in")
    sign_in(page, "dan")
    expect(page.get_by_role("alert")).to_contain_text("That is not right")


def test_the_policy_is_explained(admin_page: Page) -> None:
    """Which permission a request needs, and which roles have it."""
    admin_page.goto(f"{AT_LOGIN}/admin/policy")
    admin_page.get_by_label("Host").fill(SITE)
    admin_page.get_by_label("Path").fill("/admin/things")
    press(admin_page, "Explain")

    expect(admin_page.get_by_text("It asks for app.admin.")).to_be_visible()
    expect(admin_page.get_by_text("admin: allowed")).to_be_visible()
    expect(admin_page.get_by_text("viewer: refused")).to_be_visible()


def test_the_audit_log_is_searched_paged_and_exported(
    admin_page: Page, ada: Member, tmp_path: Path
) -> None:
    """By event and address; older pages follow; the export holds all that was found."""
    for number in range(PAGE + 2):
        ada.browser.submit(
            "/account", "/do/me.rename", display_name=f"Ada {number}", back="/account"
        )
    admin_page.goto(f"{AT_LOGIN}/admin/audit")
    admin_page.get_by_label("Event").select_option("user.update")
    admin_page.get_by_label("Address").fill("192.0.2.1")
    press(admin_page, "Search")
    expect(admin_page.locator("tbody tr")).to_have_count(PAGE)

    follow(admin_page, "Older")
    expect(row(admin_page, "user.update").first).to_be_visible()
    expect(admin_page.get_by_role("link", name="Older")).to_have_count(0)
    assert 2 <= admin_page.locator("tbody tr").count() < PAGE

    with admin_page.expect_download() as started:
        admin_page.get_by_role("link", name="Export as JSON lines").click()
    started.value.save_as(tmp_path / "export")
    lines = (tmp_path / "export").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    assert {"user.update"} == {one["event"] for one in found}
    assert len(found) >= PAGE + 2

    press(admin_page, "Verify the whole log")
    heading(admin_page, "The log is whole")


PAGE = 50
"""Records on a page of the log."""


def test_what_happened_is_reviewed(admin_page: Page) -> None:
    """The page sums it up; a done review begins the next one."""
    admin_page.goto(f"{AT_LOGIN}/admin/review")
    press(admin_page, "I have reviewed this")

    done(admin_page, "The review was recorded.")
    admin_page.goto(f"{AT_LOGIN}/admin/audit?event=admin.audit_read")
    expect(row(admin_page, "ada").first).to_be_visible()


def test_an_ended_session_is_out_at_once(
    front: Front, admin_page: Page, page: Page
) -> None:
    """From the list of everybody's sessions."""
    _join(page, _invite(admin_page, "sue"), "sue")
    admin_page.goto(f"{AT_LOGIN}/admin/sessions")
    press(row(admin_page, "sue"), "End: sue at 127.0.0.1")
    expect(row(admin_page, "sue")).to_have_count(0)

    page.reload()
    heading(page, "Sign in")
    assert front.agent.process.poll() is None
