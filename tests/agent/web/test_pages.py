"""The pages: what they show, whom they let do what, and which forms they take."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from auth_agent.web.kit import Kit
from auth_agent.web.site import page_routes
from auth_agent.web.targets import Targets

from tests.agent.conftest import PASSWORD, World
from tests.agent.web.browser import LOGIN_HOST, Browser
from tests.agent.web.inside import Inside

ADMIN_PAGES = [
    "/admin/users",
    "/admin/sessions",
    "/admin/keys",
    "/admin/bans",
    "/admin/policy",
    "/admin/settings",
    "/admin/audit",
    "/admin/review",
]
VIEWER_MAY = {"/admin/policy"}
WRONG = "not it at all"


@pytest.fixture
def inside(world: World) -> Inside:
    """Return the agent's entry in this process."""
    return Inside.of(world)


@pytest.fixture
def admin(inside: Inside) -> Browser:
    """Return an administrator's browser."""
    return inside.sign_in(inside.world.enrolled("ada"))


@pytest.fixture
def viewer(inside: Inside) -> Browser:
    """Return a viewer's browser."""
    return inside.sign_in(inside.world.person("vic"))


@pytest.mark.parametrize("path", [*ADMIN_PAGES, "/account"])
def test_an_administrator_sees_every_page(admin: Browser, path: str) -> None:
    """Each renders, and says in its headers what browsers must not do."""
    page = admin.get(path)

    assert page.status == 200, page.text
    policy = page.header("content-security-policy")
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy
    assert page.header("x-content-type-options") == "nosniff"
    assert page.header("cache-control") == "no-store"
    assert "<script" not in page.text
    assert "style=" not in page.text


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_a_viewer_sees_no_page_of_administrators(viewer: Browser, path: str) -> None:
    """Each page asks for its own permission."""
    assert viewer.get(path).status == (200 if path in VIEWER_MAY else 403)


@pytest.mark.parametrize("path", [*ADMIN_PAGES, "/account", "/confirm"])
def test_who_is_not_logged_in_is_sent_to_the_login(inside: Inside, path: str) -> None:
    """No page is shown to nobody."""
    page = inside.browser().get(path)

    assert (303, "/login") == (page.status, page.header("location"))


def test_a_viewer_cannot_do_what_its_page_does_not_offer(
    inside: Inside, viewer: Browser
) -> None:
    """A form made by hand is refused like the page, and recorded."""
    victim = inside.world.person("eve")

    refused = viewer.submit("/account", "/do/users.disable", id=victim.id)

    assert refused.status == 403
    assert inside.world.last("access.denied")["details"]["action"] == "users.disable"


def test_a_wrong_password_says_nothing_of_the_account(inside: Inside) -> None:
    """The same page for an account and for none."""
    inside.world.person("vic")
    pages = [
        inside.browser("198.51.100.9").submit(
            "/login", "/login", to="", name=name, password=WRONG
        )
        for name in ("vic", "nob")
    ]

    assert [401, 401] == [page.status for page in pages]
    texts = [page.text.replace("vic", "nob") for page in pages]
    tokens = [page.fields["csrf"] for page in pages]
    assert texts[0].replace(tokens[0], "") == texts[1].replace(tokens[1], "")


def test_the_name_typed_is_escaped(inside: Inside) -> None:
    """What comes back from a form is text, not markup."""
    page = inside.browser().submit(
        "/login", "/login", to="", name='"><script>x</script>', password=WRONG
    )

    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [
        ({"Origin": "https://evil.example.com"}, True),
        ({"Origin": "null"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({}, True),
        ({"Origin": f"https://{LOGIN_HOST}"}, False),
    ],
    ids=["origin", "null", "cross-site", "same-site", "neither", "no-token"],
)
def test_a_form_of_another_page_is_refused(
    inside: Inside, admin: Browser, headers: dict[str, str], *, csrf: bool
) -> None:
    """Wherever a form leads, origin and token must both be right; nothing is done."""
    token = admin.get("/logout").fields["csrf"] if csrf else "0" * 64
    body = urlencode({"csrf": token, "display_name": "X", "name": "a", "password": "b"})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    kit = Kit(inside.runtime, Targets(b"k", lambda: 0.0))
    paths = {
        route.path for route in page_routes(kit) if "POST" in (route.methods or ())
    }
    words = {"{action}": "me.rename", "{purpose}": "reset", "{token}": "x"}
    before = inside.world.events()

    for path in paths:
        for word, text in words.items():
            path = path.replace(word, text)  # noqa: PLW2901 - filled in
        page = admin.ask(
            "POST", LOGIN_HOST, path, headers={**kind, **headers}, body=body
        )
        assert (403, True) == (page.status, "too old" in page.text), path

    assert {"/login", "/second", "/logout", "/do/{action}"} < paths
    assert before == inside.world.events()
    assert admin.get("/account").status == 200


def test_a_token_of_another_login_is_refused(inside: Inside, viewer: Browser) -> None:
    """A form is tied to the login it was drawn for."""
    other = inside.sign_in(inside.world.person("eve"))
    token = other.get("/account").fields["csrf"]

    page = viewer.post("/do/me.rename", {"csrf": token, "display_name": "X"})

    assert page.status == 403


def test_sensitive_actions_ask_who_it_is(inside: Inside, admin: Browser) -> None:
    """After five minutes the way leads over the confirmation, and then it works."""
    victim = inside.world.person("eve")
    inside.world.clock.advance(301)
    role = {"id": victim.id, "role": "editor", "back": "/admin/users"}

    asked = admin.submit("/account", "/do/users.role", **role)
    assert asked.header("location").startswith("/confirm")
    code = inside.world.code(inside.world_person("ada"))
    admin.submit(
        "/confirm", "/do/me.step-up", back="/account", password=PASSWORD, code=code
    )
    done = admin.submit("/account", "/do/users.role", **role)

    assert (303, "/admin/users?done=users.role") == (
        done.status,
        done.header("location"),
    )
    assert "editor" == inside.world.services.accounts.get(victim.id).role


def test_a_change_of_role_counts_from_the_next_request(
    inside: Inside, admin: Browser
) -> None:
    """Nobody has to sign in anew for it."""
    victim = inside.world.person("eve")
    browser = inside.sign_in(victim)
    assert browser.get("/admin/settings").status == 403

    admin.submit("/account", "/do/users.role", id=victim.id, role="editor")

    assert browser.get("/admin/settings").status == 200


@pytest.mark.parametrize(
    "back",
    ["https://evil.example.com/", "//evil.example.com", "/\\evil", "javascript:x"],
)
def test_a_form_leads_back_to_our_own_pages_only(viewer: Browser, back: str) -> None:
    """No redirect to somewhere that a form names."""
    done = viewer.submit("/account", "/do/me.rename", display_name="Victor", back=back)

    assert "/account?done=me.rename" == done.header("location")


def test_a_link_that_was_pasted_wrongly_is_not_logged(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    """What leads nowhere may be half of a good link; what leads somewhere is named."""
    caplog.set_level("INFO", "auth_agent.http")

    inside.browser().get("/first-admin/so-secret")
    inside.browser().get("/login")

    places = [getattr(one, "place", None) for one in caplog.records]
    assert ["", "login"] == places
    assert "so-secret" not in str([vars(one) for one in caplog.records])


def test_another_host_is_not_served(inside: Inside) -> None:
    """The pages answer at the login host only; sites get the handover alone."""
    browser = inside.browser()

    assert browser.get("/login", host="evil.example.com").status == 421
    assert browser.get("/login", host="app.example.com").status == 421
    assert browser.get("/_auth/session", host="app.example.com").status == 410


def test_a_key_is_shown_once_and_opens_the_site(
    inside: Inside, viewer: Browser
) -> None:
    """A key made on the page passes the gate within its scopes."""
    inside.world.services.sessions.step_up_seconds = 300
    page = viewer.get("/account")
    assert "New key" not in page.text  # viewers have no permission for it

    editor = inside.sign_in(inside.world.person("edi", role="editor"))
    shown = editor.submit("/account", "/do/keys.create", name="ci", scopes="app.view")
    key = shown.text.partition('class="secret">')[2].partition("<")[0]

    assert key.startswith("kgk_")
    bearer = {"Authorization": f"Bearer {key}"}
    assert inside.browser().verify("/x", headers=bearer).status == 200
    assert inside.browser().verify("/x", method="POST", headers=bearer).status == 403
    assert key not in editor.get("/account").text


def test_a_wrong_code_leaves_the_enrolment_open(inside: Inside) -> None:
    """The form comes again, without the secret, and the right code still counts."""
    person = inside.world.person("eve", role="admin")
    browser = inside.sign_in(person)
    shown = browser.submit("/duty", "/do/me.totp-begin", to="")
    person.secret = shown.text.partition('class="secret">')[2].partition("<")[0]
    right = inside.world.code(person)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    token = shown.fields["csrf"]

    again = browser.post("/do/me.totp-confirm", {"csrf": token, "code": wrong})
    done = browser.post("/do/me.totp-confirm", {"csrf": token, "code": right})

    assert again.status == 401
    assert person.secret not in again.text
    assert "Your recovery codes" in done.text
    assert browser.get("/admin/users").status == 200


def test_a_changed_password_ends_the_other_sessions(inside: Inside) -> None:
    """And this browser goes on under a new token."""
    person = inside.world.person("eve")
    here, there = inside.sign_in(person), inside.sign_in(person)
    before = dict(here.cookies[LOGIN_HOST])

    done = here.submit(
        "/account", "/do/me.password", current=PASSWORD, new="plum otter brick lamp"
    )

    assert done.status == 303
    assert before != here.cookies[LOGIN_HOST]
    assert here.get("/account").status == 200
    assert there.get("/account").status == 303
