"""Pages as people use them: fields by their labels, buttons by what they say."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.agent.web.browser import LOGIN_HOST, PASSWORD, SITE, Member

AT_LOGIN = f"https://{LOGIN_HOST}"
AT_SITE = f"https://{SITE}"
WRONG = "not the password at all"


def press(part: Page | Locator, name: str) -> None:
    """Press the button of exactly that name; return when the next page is there."""
    _go(part, part.get_by_role("button", name=name, exact=True))


def follow(part: Page | Locator, name: str) -> None:
    """Follow the link of exactly that name; return when the next page is there."""
    _go(part, part.get_by_role("link", name=name, exact=True))


def _go(part: Page | Locator, control: Locator) -> None:
    page = part if isinstance(part, Page) else part.page
    with page.expect_navigation():
        control.click()


def done(page: Page, text: str) -> None:
    """Wait until the page says that *text* was done."""
    expect(page.get_by_role("status")).to_have_text(text)


def heading(page: Page, text: str) -> None:
    """Wait until *text* is the page's heading."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in and send the form for name and password."""
    page.get_by_label("Name or e-mail address").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    press(page, "Sign in")


def sign_out(page: Page) -> None:
    """Sign out by the button that every page has."""
    press(page.get_by_role("banner"), "Sign out")
    heading(page, "You are signed out")


def choose_password(page: Page, password: str = PASSWORD) -> None:
    """Fill in and send the form that a link leads to."""
    page.get_by_label(re.compile("^Password [^,]")).fill(password)
    page.get_by_label("Password, once more").fill(password)
    press(page, "Save")


def enrol(page: Page, member: Member) -> None:
    """Set up the authenticator app of *member*, from the duty page to the codes."""
    heading(page, "Set up your second factor")
    press(page, "Show the QR code")
    heading(page, "Authenticator app")
    member.secret = page.locator("code.secret").inner_text()
    page.get_by_label("Code with six digits").fill(member.code())
    press(page, "Turn on")
    heading(page, "Your recovery codes")
    member.codes = tuple(page.locator(".codes code").all_inner_texts())


def second_factor(page: Page, member: Member) -> None:
    """Give a code of the authenticator app."""
    heading(page, "Confirm it is you")
    page.get_by_label("Code from your authenticator app").fill(member.code())
    press(page, "Continue")


def row(page: Page, text: str) -> Locator:
    """Return the row of a table that has *text*."""
    return page.get_by_role("row").filter(has_text=text)
