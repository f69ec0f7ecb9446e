"""What the topic `agent` would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deploys.agent import places
from deploys.agent.facts import AgentFact, AgentHost
from deploys.agent.plan import plan
from deploys.agent.wheelhouse import Machine
from deploys.common.batch import Output
from tests.unit.agent_topic.conftest import PUBLIC

if TYPE_CHECKING:
    from deploys.common.changes import Plan
    from tests.unit.agent_topic.conftest import MakeHost, MakeSettings


def _steps(found: Plan) -> str:
    return "\n".join(
        [
            *(action.summary for action in found.before),
            *(change.summary for change in found.files),
            *(action.summary for action in found.after),
        ]
    )


@pytest.mark.parametrize("sites", [(), (PUBLIC,)])
def test_without_guarded_sites_nothing_is_done(
    make_settings: MakeSettings, sites: tuple[dict[str, Any], ...]
) -> None:
    """Whoever serves public sites alone gets no agent."""
    settings = make_settings(*sites)
    fact = AgentFact()
    fact.command(settings=settings)

    assert ["left"] == list(fact.sections())
    assert not plan(settings, fact.interpret({"left": Output(1, b"")}))


def test_with_the_last_guarded_site_the_agent_ends(make_settings: MakeSettings) -> None:
    """If it is left at work, or would be after a restart; its files stay."""
    fact = AgentFact()
    fact.command(settings=make_settings(PUBLIC))

    found = plan(make_settings(PUBLIC), fact.interpret({"left": Output(0, b"")}))

    assert () == found.files
    assert "disable --now" in found.after[0].do


def test_a_host_as_it_should_be_is_left_alone(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """No change, and nothing to say."""
    settings = make_settings({})
    found = plan(settings, make_host(settings))

    assert 0 == found.changes, _steps(found)
    assert () == found.notes


def test_a_fresh_host_gets_all_of_it(make_settings: MakeSettings) -> None:
    """The configuration is tried before it is placed, and it is told what is next."""
    found = plan(
        make_settings({}),
        AgentHost(machine=Machine((3, 11), "aarch64", 36), caddy=False),
    )
    before = [action.summary.split()[0] for action in found.before]

    assert ["make", "make", "install", "try", "keep"] == before
    assert {places.ETC, places.CONFIG, places.UNIT_FILE, places.COMMAND} < {
        change.path for change in found.files
    }
    assert ["enable", "start", "let"] == [
        action.summary.split()[0] for action in found.after
    ]
    assert "first-admin" in found.notes[0]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"active": False}, "it does not run"),
        ({"reload": True}, "has not read its unit file"),
        ({"current": "0.0.1-x-py3.13"}, "0.0.1-x-py3.13 is in use"),
        ({"running": "else"}, "started with other settings"),
        ({"outdated": True}, "its Python was replaced"),
        ({"healthy": False}, "it is not healthy"),
        ({"sealed": False}, "nobody has its audit log append-only"),
        ({"enabled": False}, "enable auth-agent.service"),
        ({"key": "640 root:root"}, "for root alone"),
        ({"account": "/nonexistent:/bin/bash"}, "make the account"),
        ({"caddy": False}, "let caddy into the agent's group"),
        ({"releases": frozenset()}, "install the agent"),
    ],
)
def test_drift_is_seen(
    make_settings: MakeSettings,
    make_host: MakeHost,
    changed: dict[str, Any],
    told: str,
) -> None:
    """By what runs, not by what was written once."""
    settings = make_settings({})
    found = plan(settings, make_host(settings, **changed))

    assert told in _steps(found)


@pytest.mark.parametrize(
    ("source", "index", "how"),
    [
        ("auto", True, "from PyPI"),
        ("auto", False, "pushed from here"),
        ("host", False, "from PyPI"),
        ("controller", True, "pushed from here"),
    ],
)
def test_who_fetches_is_a_setting_and_a_question_of_reach(
    make_settings: MakeSettings, make_host: MakeHost, source: str, index: bool, how: str
) -> None:
    """A host that reaches PyPI fetches by itself, unless it shall not."""
    settings = make_settings({}, source=source)
    host = make_host(settings, releases=frozenset(), index=index)

    assert how in _steps(plan(settings, host))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"machine": None}, "agent-python"),
        ({"machine": Machine((3, 9), "x86_64", 31)}, "agent-python"),
        ({"key": ""}, "agent-secret"),
    ],
)
def test_what_cannot_work_is_refused(
    make_settings: MakeSettings,
    make_host: MakeHost,
    changed: dict[str, Any],
    code: str,
) -> None:
    """Before anything is changed; a new secret would make the state worthless."""
    settings = make_settings({})
    found = plan(settings, make_host(settings, **changed))

    assert [code] == [refusal.code for refusal in found.refusals]
    assert not found


def test_the_web_server_is_judged_by_its_process(make_settings: MakeSettings) -> None:
    """A group that it has not yet is none; no web server needs none."""
    settings = make_settings({})
    fact = AgentFact()
    fact.command(settings=settings)
    entries = (
        "auth-agent:x:995:989::/var/lib/auth-agent:/usr/sbin/nologin\n"
        "auth-agent:x:989:caddy\n"
    )

    def caddy(text: str) -> bool | None:
        answers = {name: Output(1, b"") for name in fact.sections()}
        answers["account"] = Output(0, entries.encode())
        answers["caddy"] = Output(0, text.encode())
        return fact.interpret(answers).caddy

    assert caddy("") is None
    assert caddy("caddy auth-agent\n") is True
    assert caddy("caddy auth-agent\nrunning\t989 991\n") is True
    assert caddy("caddy auth-agent\nrunning\t991\n") is False
    assert caddy("caddy\nrunning\t989 991\n") is False
