"""Every page is fit for everybody: names, order, contrast, on a phone and at a desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.agent.browser.checks import out_of_order, unfit
from tests.agent.browser.pages import (
    AT_LOGIN,
    AT_SITE,
    WRONG,
    choose_password,
    follow,
    heading,
    press,
    sign_in,
    sign_out,
)
from tests.agent.caddy.front import Front
from tests.agent.web.browser import Member

PLAIN = ["/login", "/logout", "/link/invite/none", "/nowhere"]
OF_ADMINS = [
    "/account",
    "/confirm",
    "/logout",
    "/nowhere",
    "/admin/audit",
    "/admin/audit?event=user.delete&since=2100-01-01",
    "/admin/bans",
    "/admin/keys",
    "/admin/policy",
    "/admin/policy?method=GET&host=app.example.com&path=/admin",
    "/admin/review",
    "/admin/sessions",
    "/admin/settings",
    "/admin/users",
    "/admin/users?search=nobody-of-that-name",
]


@pytest.mark.parametrize("path", PLAIN)
def test_pages_for_strangers_are_fit(page: Page, path: str) -> None:
    """Wide and narrow, light and dark, and by the keyboard alone."""
    page.goto(AT_LOGIN + path)

    assert unfit(page) == []
    assert out_of_order(page) == []


@pytest.mark.parametrize("path", OF_ADMINS)
def test_pages_for_administrators_are_fit(admin_page: Page, path: str) -> None:
    """Full tables and empty ones."""
    admin_page.goto(AT_LOGIN + path)
    for closed in admin_page.locator("summary").all():
        closed.click()

    assert unfit(admin_page) == []
    assert out_of_order(admin_page) == []


@pytest.mark.usefixtures("ada")
def test_pages_on_the_way_in_are_fit(front: Front, page: Page) -> None:
    """Each step, with its errors, to the codes that are shown once."""
    words = ("users", "add", "fay", "Fay", "fay@example.com", "--role", "admin")
    page.goto(AT_LOGIN + front.agent.link(*words))
    assert unfit(page) == []
    choose_password(page, "short")
    assert unfit(page) == []
    choose_password(page)
    sign_in(page, "fay", WRONG)
    assert unfit(page) == []
    sign_in(page, "fay")
    assert unfit(page) == []
    press(page, "Show the QR code")
    assert unfit(page) == []
    member = Member(
        "fay", front.browser(), page.locator("code.secret").inner_text(), ()
    )
    page.get_by_label("Code with six digits").fill("000000")
    press(page, "Turn on")
    assert unfit(page) == []
    page.get_by_label("Code with six digits").fill(member.code())
    press(page, "Turn on")
    heading(page, "Your recovery codes")
    assert unfit(page) == []
    sign_out(page)
    page.goto(f"{AT_LOGIN}/login")
    sign_in(page, "fay")
    page.get_by_text("Use a recovery code instead").click()
    assert unfit(page) == []


def test_what_is_shown_once_is_fit(admin_page: Page) -> None:
    """A link that is handed over, and the page of the account that it is for."""
    admin_page.goto(f"{AT_LOGIN}/admin/users")
    admin_page.get_by_label("Account name").fill("una")
    admin_page.get_by_label("Name", exact=True).fill("Una")
    admin_page.get_by_label("E-mail address").fill("una@example.com")
    press(admin_page, "Invite")
    heading(admin_page, "Hand over this link")
    assert unfit(admin_page) == []
    admin_page.goto(f"{AT_LOGIN}/admin/users?search=una")
    follow(admin_page, "una")
    heading(admin_page, "Una")
    assert unfit(admin_page) == []


def test_refusals_at_the_sites_are_fit(front: Front, page: Page) -> None:
    """They have the agent's style at the site's own host, and need nothing else."""
    words = ("users", "add", "vic", "Vic", "vic@example.com")
    page.goto(AT_LOGIN + front.agent.link(*words))
    choose_password(page)
    sign_in(page, "vic")
    for path, title in (
        ("/admin", "Not allowed"),
        ("//twice", "This address is not clear"),
        ("/_auth/session?code=x", "Please try again"),
    ):
        page.goto(AT_SITE + path)
        heading(page, title)
        expect(page.locator("main")).to_have_css("border-top-width", "1px")
        assert unfit(page) == []
        assert out_of_order(page) == []
