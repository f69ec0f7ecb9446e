"""Every role against every page, over HTTP; a page without a permission fails."""

from __future__ import annotations

import pytest
from auth_agent.authz.permissions import ROLE_PERMISSIONS, Permission, Role
from auth_agent.web.kit import Kit
from auth_agent.web.site import page_routes
from auth_agent.web.targets import Targets

from tests.agent.conftest import World
from tests.agent.web.browser import Browser
from tests.agent.web.inside import Inside

P = Permission

PERMISSION = {
    ("GET", "/admin/users"): P.USERS_VIEW,
    ("GET", "/admin/users/{id}"): P.USERS_VIEW,
    ("GET", "/admin/sessions"): P.SESSIONS_VIEW,
    ("GET", "/admin/keys"): P.API_KEYS_MANAGE,
    ("GET", "/admin/bans"): P.BANS_MANAGE,
    ("GET", "/admin/policy"): P.POLICY_VIEW,
    ("GET", "/admin/settings"): P.SETTINGS_VIEW,
    ("GET", "/admin/audit"): P.AUDIT_VIEW,
    ("GET", "/admin/audit/export"): P.AUDIT_EXPORT,
    ("POST", "/admin/audit/verify"): P.AUDIT_VIEW,
    ("GET", "/admin/review"): P.AUDIT_VIEW,
}
"""What each page asks for. `/do/{action}` asks for what its action does."""

FOR_ANYBODY = {
    ("GET", "/"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/second"),
    ("POST", "/second"),
    ("GET", "/forgot"),
    ("POST", "/forgot"),
    ("GET", "/continue"),
    ("GET", "/duty"),
    ("GET", "/logout"),
    ("POST", "/logout"),
    ("GET", "/link/{purpose}/{token}"),
    ("POST", "/link/{purpose}/{token}"),
    ("GET", "/account"),
    ("GET", "/confirm"),
    ("POST", "/do/{action}"),
}
"""The way in and out, and one's own account."""


@pytest.fixture
def inside(world: World) -> Inside:
    """Return the agent's entry in this process."""
    return Inside.of(world)


def test_every_page_says_what_it_asks_for(inside: Inside) -> None:
    """A new page stands in one of the two tables, or this fails."""
    kit = Kit(inside.runtime, Targets(b"k", lambda: 0.0))
    routes = {
        (method, route.path)
        for route in page_routes(kit)
        for method in route.methods or ()
        if method != "HEAD" and not route.path.startswith("/_auth/")
    }

    assert routes == {*PERMISSION, *FOR_ANYBODY}


def _status(browser: Browser, method: str, path: str) -> int:
    if method == "POST":
        return browser.submit("/account", path).status
    return browser.get(path).status


@pytest.mark.parametrize("role", sorted(Role))
def test_a_role_sees_exactly_its_pages(inside: Inside, role: Role) -> None:
    """200 with the permission, 403 without: the table says which."""
    person = inside.world.enrolled("ada", str(role))
    browser = inside.sign_in(person)

    seen = {
        (method, path): _status(browser, method, path.replace("{id}", person.id))
        for method, path in PERMISSION
    }

    granted = ROLE_PERMISSIONS[role]
    assert seen == {
        place: 200 if asked in granted else 403 for place, asked in PERMISSION.items()
    }


def test_nobody_known_sees_none(inside: Inside) -> None:
    """Each leads to the login; a form without a token is refused before."""
    browser = inside.browser()
    browser.get("/login")

    for method, path in PERMISSION:
        if method == "GET":
            page = browser.get(path.replace("{id}", "x"))
            assert (303, "/login") == (page.status, page.header("location")), path
        else:
            page = browser.submit("/login", path)
            assert page.status in {303, 403}, path
