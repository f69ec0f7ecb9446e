"""The JSON API: the same actions, strictly read, described by its own document."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.openapi import describe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.conftest import World
from tests.agent.web.browser import LOGIN_HOST, Browser, Page
from tests.agent.web.inside import Inside

API = "/api/v1"
OWN = {"Origin": f"https://{LOGIN_HOST}", "Content-Type": "application/json"}


@pytest.fixture
def inside(world: World) -> Inside:
    """Return the agent's entry in this process."""
    return Inside.of(world)


def _ask(
    browser: Browser,
    method: str,
    path: str,
    data: object = None,
    headers: Mapping[str, str] = OWN,
) -> Page:
    body = "" if data is None else json.dumps(data)
    return browser.ask(method, LOGIN_HOST, API + path, headers=headers, body=body)


@pytest.mark.parametrize(
    "name", sorted(name for name, action in ACTIONS.items() if action.path)
)
def test_nobody_known_gets_401(inside: Inside, name: str) -> None:
    """Every route but the report of a leak, which takes a key."""
    action = ACTIONS[name]
    path = action.path.replace("{id}", "x")
    given_data = {"key": "kgk_x"} if name == "keys.leaked" else None

    answer = _ask(inside.browser(), action.method, path, given_data)

    if name == "keys.leaked":
        assert answer.status == 200
    else:
        # A field that cannot be read is told before who asks is known.
        assert answer.status in {401, 422}


def test_an_administrator_works_with_it(inside: Inside) -> None:
    """Invite, look, change, refuse: as on the pages."""
    admin = inside.sign_in(inside.world.enrolled("ada"))
    person = {
        "name": "eve",
        "display_name": "Eve",
        "email": "eve@example.com",
        "role": "editor",
    }

    made = _ask(admin, "POST", "/invitations", person)
    assert made.status == 200
    user = made.json["user"]
    assert isinstance(user, dict)
    assert _ask(admin, "GET", f"/users/{user['id']}").json["role"] == "editor"
    assert _ask(admin, "POST", "/invitations", person).status == 409
    disabled = _ask(admin, "POST", f"/users/{user['id']}/disable")
    assert disabled.status == 204
    assert _ask(admin, "GET", "/users?search=eve").json["total"] == 1
    assert _ask(admin, "GET", "/users/none").status == 404


def test_an_account_that_waits_for_its_reset_is_no_invitation(inside: Inside) -> None:
    """Who may only withdraw invitations cannot delete it with all its history."""
    admin = inside.sign_in(inside.world.enrolled("ada"))
    eve = inside.world.person("eve")
    inside.world.log_in(eve)
    assert _ask(admin, "POST", f"/users/{eve.id}/reset").status == 200

    assert _ask(admin, "DELETE", f"/invitations/{eve.id}").status == 409
    assert _ask(admin, "POST", f"/invitations/{eve.id}").status == 409
    assert _ask(admin, "GET", f"/users/{eve.id}").status == 200


def test_what_an_action_itself_denies_is_recorded(inside: Inside) -> None:
    """Not only a missing permission: a key's scope, too, and what nobody may."""
    admin = inside.sign_in(inside.world.enrolled("ada"))
    own = inside.world_person("ada").id
    inside.world.enrolled("bob")

    key = _ask(admin, "POST", "/me/keys", {"name": "k", "scopes": ["no.such"]})
    away = _ask(admin, "POST", f"/users/{own}/disable")

    assert [403, 403] == [key.status, away.status]
    denied = [
        (record["reason"], record["details"]["action"], record["actor"]["id"])
        for record in inside.world.records()
        if record["event"] == "access.denied"
    ]
    assert [
        ("scope_beyond_owner", "keys.create", own),
        ("oneself", "users.disable", own),
    ] == denied


def test_another_page_cannot_use_the_cookie(inside: Inside) -> None:
    """A change with the cookie, whichever, needs our own origin."""
    admin = inside.sign_in(inside.world.enrolled("ada"))
    silent = {"Content-Type": OWN["Content-Type"]}
    evil = {**OWN, "Origin": "https://evil.example.com"}
    changes = [one for one in ACTIONS.values() if one.path and one.method != "GET"]
    before = inside.world.events()

    for action in changes:
        path = action.path.replace("{id}", "x")
        for headers in (silent, evil):
            answer = _ask(admin, action.method, path, {}, headers)
            assert 401 == answer.status, action.name

    assert 10 < len(changes)
    assert before == inside.world.events()
    assert _ask(admin, "PATCH", "/me", {"display_name": "X"}).status == 204


def test_a_key_works_within_its_scopes_and_never_for_more(inside: Inside) -> None:
    """It reads what it may; it makes no key and does nothing sensitive."""
    admin = inside.sign_in(inside.world.enrolled("ada"))
    data = {"name": "ci", "scopes": ["users.view", "api_keys.create", "roles.assign"]}
    key = _ask(admin, "POST", "/me/keys", data).json["key"]
    bearer = {**OWN, "Authorization": f"Bearer {key}"}
    script = inside.browser("198.51.100.1")

    assert _ask(script, "GET", "/users", headers=bearer).status == 200
    assert _ask(script, "GET", "/sessions", headers=bearer).status == 403
    assert _ask(script, "POST", "/me/keys", data, bearer).status == 403
    assert _ask(script, "PUT", "/users/x/role", {"role": "admin"}, bearer).status == 403
    assert _ask(script, "GET", "/me", headers=bearer).status == 403
    assert (
        _ask(script, "GET", "/users", headers={"Authorization": "Bearer x"}).status
        == 401
    )


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/json", 422),
        ("[]", "application/json", 422),
        ('{"display_name": 1}', "application/json", 422),
        ('{"display_name": "a", "role": "admin"}', "application/json", 422),
        ('{"display_name": "a"}', "text/plain", 422),
        ("{}", "application/json", 422),
        ("[" * 60_000, "application/json", 422),
        ('{"display_name": "' + "a" * 70_000 + '"}', "application/json", 413),
        ('{"display_name": "\\ud800"}', "application/json", 422),
    ],
)
def test_a_body_that_is_not_right_is_refused(
    inside: Inside, body: str, kind: str, status: int
) -> None:
    """A 4xx that says so, and no change."""
    viewer = inside.sign_in(inside.world.person("vic"))

    answer = viewer.ask(
        "PATCH",
        LOGIN_HOST,
        f"{API}/me",
        headers={**OWN, "Content-Type": kind},
        body=body,
    )

    assert status == answer.status
    user = inside.world.services.accounts.find("vic")
    assert user.display_name == "Vic"


def test_a_leaked_key_is_dead_at_once(inside: Inside) -> None:
    """Whoever finds it can end it; the answer is alike for every text."""
    editor = inside.sign_in(inside.world.person("edi", role="editor"))
    data = {"name": "ci", "scopes": ["app.view"]}
    key = _ask(editor, "POST", "/me/keys", data).json["key"]
    finder = inside.browser("198.51.100.2")

    found = _ask(finder, "POST", "/keys/leaked", {"key": key})
    other = _ask(finder, "POST", "/keys/leaked", {"key": "kgk_nothing"})

    assert found.text == other.text
    bearer = {"Authorization": f"Bearer {key}"}
    assert inside.browser().verify("/", headers=bearer).status == 401


def test_the_export_is_the_stored_lines(inside: Inside) -> None:
    """One JSON object per line, oldest first."""
    admin = inside.sign_in(inside.world.enrolled("ada"))

    answer = _ask(admin, "GET", "/audit/export")

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.status == 200
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
    assert "system.start" in [line["event"] for line in lines]


def test_the_description_names_every_action() -> None:
    """One operation per action, with its answers."""
    document = describe(API)
    paths = document["paths"]
    assert isinstance(paths, dict)

    names = {
        operation["operationId"]
        for place in paths.values()
        for operation in place.values()
    }

    assert {name for name, action in ACTIONS.items() if action.path} == names


def test_the_description_is_served(inside: Inside) -> None:
    """To everybody: it holds no secret."""
    answer = inside.browser().get(f"{API}/openapi.json")

    assert "3.1.0" == answer.json["openapi"]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "role", "scopes", "days", "code", "key"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(sorted(name for name in ACTIONS if ACTIONS[name].path)),
    data=_json,
    identity=st.text(alphabet="abc/%.~-", min_size=1, max_size=6),
)
def test_no_input_is_a_fault(
    inside: Inside, name: str, data: object, identity: str
) -> None:
    """Whatever is sent to whichever route: a 4xx or what was asked for, no 5xx."""
    if "vic" not in inside.people:
        inside.browsers = {"vic": inside.sign_in(inside.world.person("vic"))}
    action = ACTIONS[name]
    if name in {"me.logout", "me.password", "me.totp-begin", "me.step-up"}:
        return
    path = action.path.replace("{id}", identity)

    answer = _ask(inside.browsers["vic"], action.method, path, data)

    assert answer.status < 500, answer.text
