"""Rules and settings taken anew, mail, the log's pages: what operators rely on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from auth_agent.config.model import Config, Mail
from auth_agent.sessions.assertions import HEADER

from tests.agent.conftest import World, make_config
from tests.agent.web.browser import LOGIN_HOST, SITE, Browser
from tests.agent.web.inside import Inside

API = "/api/v1"
OWN = {"Origin": f"https://{LOGIN_HOST}", "Content-Type": "application/json"}
FILE = f"""
[login]
host = "{LOGIN_HOST}"
title = "Acme"
idle = 120
absolute = 43200
per_account = 7
[[sites]]
host = "{SITE}"
public = ["/open"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the configuration file, as it was edited meanwhile."""
    path = tmp_path / "agent.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def inside(world: World, file: Path) -> Inside:
    """Return the agent's entry in this process."""
    return Inside.of(world, file)


@pytest.fixture
def admin(inside: Inside) -> Browser:
    """Return an administrator's browser."""
    return inside.sign_in(inside.world.enrolled("ada"))


def test_rules_are_taken_anew_and_recorded(inside: Inside, admin: Browser) -> None:
    """A public path opens with the reload, not before; the record names the rule."""
    anybody = inside.browser()
    assert anybody.verify("/open").status == 401

    done = admin.submit("/account", "/do/policy.reload", back="/admin/policy")

    assert done.status == 303
    assert anybody.verify("/open").status == 200
    record = inside.world.last("admin.policy_change")
    assert f"* {SITE}/open -> public" in json.dumps(record["details"])


def test_an_assertion_is_taken_anew(inside: Inside, admin: Browser, file: Path) -> None:
    """Also where it is all that changed; the site's app is sent one from then on."""
    anybody = inside.browser()
    admin.submit("/account", "/do/policy.reload")
    assert HEADER not in dict(anybody.verify("/open").headers)
    file.write_text(f"{FILE}assertion = true\n")

    admin.submit("/account", "/do/policy.reload")

    assert HEADER in dict(anybody.verify("/open").headers)


def test_a_broken_file_changes_nothing(
    inside: Inside, admin: Browser, file: Path
) -> None:
    """It is said and recorded, and the old rules stay."""
    file.write_text(FILE.replace("public", "pubic"))

    refused = admin.submit("/account", "/do/policy.reload")

    assert refused.status == 422
    assert "did you mean public?" in refused.text
    assert "system.config_error" in inside.world.events()
    assert inside.browser().verify("/open").status == 401


def test_settings_are_taken_anew_as_far_as_possible(
    inside: Inside, admin: Browser
) -> None:
    """What waits for a restart is named; what is effective is recorded."""
    answer = admin.ask("POST", LOGIN_HOST, f"{API}/settings/reload", headers=OWN)

    assert {"login.title": "Acme", "login.idle": "120"} == answer.json["changed"]
    waiting = answer.json["waiting"]
    assert isinstance(waiting, list)
    assert "login.per_account" in waiting
    assert inside.world.services.sessions.idle == 120
    assert "Acme" in inside.browser().get("/login").text
    assert "admin.settings_change" in inside.world.events()


def test_secrets_are_sealed_anew(inside: Inside, admin: Browser) -> None:
    """And the authenticator app still works afterwards."""
    answer = admin.ask(
        "POST", LOGIN_HOST, f"{API}/settings/rotate-secrets", headers=OWN
    )

    assert {"resealed": 1} == answer.json
    inside.world.clock.advance(30)
    inside.sign_in(inside.people["ada"])


def test_the_log_is_searched_exported_verified_and_reviewed(
    inside: Inside, admin: Browser
) -> None:
    """On the pages, each for those who may."""
    found = admin.get("/admin/audit?event=login.success&outcome=success")
    assert "login.success" in found.text

    lines = admin.get("/admin/audit/export?event=login.success").text.splitlines()
    assert {"login.success"} == {json.loads(line)["event"] for line in lines}

    verified = admin.submit("/account", "/admin/audit/verify")
    assert "The log is whole" in verified.text

    admin.submit("/account", "/do/audit.reviewed", back="/admin/review")
    assert admin.get("/admin/review").status == 200
    assert inside.world.last("admin.audit_read")


@pytest.mark.parametrize("query", ["event=nonsense", "since=soon", "outcome=%00"])
def test_an_odd_search_is_no_fault(admin: Browser, query: str) -> None:
    """A 4xx, or nothing found."""
    assert admin.get(f"/admin/audit?{query}").status in {200, 422}


def test_without_mail_nobody_can_ask_for_a_link(inside: Inside) -> None:
    """The page is not there, and not offered."""
    assert inside.browser().get("/forgot").status == 404
    assert "Forgot" not in inside.browser().get("/login").text


def test_who_forgot_gets_the_same_answer_as_nobody(
    inside: Inside, world: World
) -> None:
    """A link goes to the account's address only."""
    world.person("vic")
    mail = Mail(host="mail.example.com", sender="auth@example.com")
    config: Config = msgspec.structs.replace(inside.runtime.config, mail=mail)
    inside.runtime.config = config

    answers = [
        inside.browser().submit("/forgot", "/forgot", name=name)
        for name in ("vic", "nobody")
    ]

    assert [200, 200] == [answer.status for answer in answers]
    tokens = [answer.text for answer in answers]
    assert tokens[0] == tokens[1]


def test_a_runtime_does_not_show_its_secret(inside: Inside) -> None:
    """Not even in a traceback's repr."""
    fields = {field.name: field.repr for field in dataclasses.fields(inside.runtime)}

    assert not fields["secret"]


@pytest.mark.parametrize("login_host", [LOGIN_HOST, SITE])
def test_pages_below_a_reserved_path(tmp_path: Path, login_host: str) -> None:
    """At a host of their own, or at the only site's: the same way in and out."""
    config = make_config(tmp_path)
    login = msgspec.structs.replace(config.login, host=login_host, path="/_auth")
    world = World(msgspec.structs.replace(config, login=login))
    inside = Inside.of(world)
    person = world.person("vic")
    browser = inside.browser()
    form = browser.get("/_auth/login", host=login_host).fields
    fields = {**form, "name": person.name, "password": person.password}

    done = browser.post("/_auth/login", fields, host=login_host)
    out = inside.browser().get("/_auth/logout", host=SITE)

    assert "/_auth/continue" == done.header("location")
    assert browser.get("/_auth/account", host=login_host).status == 200
    assert browser.get("/_auth/logout", host=login_host).status == 200
    if login_host == SITE:
        assert out.status == 200
    else:
        assert f"https://{LOGIN_HOST}/_auth/logout" == out.header("location")
    world.do(world.services.close())
    world.loop.close()
