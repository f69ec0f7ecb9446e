"""From an empty agent to an app: first administrator, second factor, and out again."""

from __future__ import annotations

import re

import pyotp
import segno
from playwright.sync_api import Page, expect

from tests.agent.browser.pages import (
    AT_LOGIN,
    AT_SITE,
    choose_password,
    enrol,
    follow,
    heading,
    press,
    second_factor,
    sign_in,
    sign_out,
)
from tests.agent.caddy.front import Front
from tests.agent.web.browser import Browser, Member, Socket

DEEP = f"{AT_SITE}/reports/2026?week=7&q=a%2Fb"


def test_the_way_of_the_first_administrator(front: Front, page: Page) -> None:
    """By the link to an account, by the QR code to a second factor, to the page."""
    ada = Member("ada", Browser(Socket(front.agent.gate)), "", ())
    link = front.agent.link("first-admin")

    page.goto(AT_LOGIN + link)
    heading(page, "Create the first administrator")
    page.get_by_label("Account name").fill("ada")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.com")
    choose_password(page)
    sign_in(page, "ada")
    enrol(page, ada)
    assert len(set(ada.codes)) == 10

    follow(page, "I have stored them")
    heading(page, "Ada Lovelace")
    expect(page.get_by_text("Recovery codes left: 10.")).to_be_visible()
    sign_out(page)

    page.goto(DEEP)
    sign_in(page, "ada")
    second_factor(page, ada)
    expect(page).to_have_url(DEEP)
    expect(page.locator("#user")).to_have_text("ada")
    expect(page.locator("#role")).to_have_text("admin")
    # HTTP/2 splits the Cookie header in parts: the agent's own is gone all the same.
    assert "__Host-auth" not in str(front.echo.seen[-1].headers)

    page.goto(AT_LOGIN + link)
    heading(page, "That did not work")
    page.goto(f"{AT_SITE}/_auth/logout")
    sign_out(page)
    page.goto(DEEP)
    heading(page, "Sign in")


def test_the_qr_code_holds_the_secret(front: Front, page: Page) -> None:
    """It is drawn from the address that the shown key, the name and the host make."""
    words = ("users", "add", "quinn", "Quinn", "quinn@example.com")
    page.goto(AT_LOGIN + front.agent.link(*words))
    choose_password(page)
    sign_in(page, "quinn")
    press(page, "Set up authenticator app")

    code = page.get_by_role("img", name="QR code for the authenticator app")
    shown = page.locator("code.secret").inner_text()
    totp = pyotp.TOTP(shown)
    uri = totp.provisioning_uri(name="quinn", issuer_name="Sign in auth.example.com")
    drawn = segno.make(uri, error="m").svg_inline(border=3)
    expected = re.findall(r' d="([^"]+)"', drawn)
    assert [code.locator("path").last.get_attribute("d")] == expected
