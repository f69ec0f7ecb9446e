"""What would change on a host's web server, and what speaks against it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploys.caddy import places
from deploys.caddy.deploy import TOPIC
from deploys.caddy.facts import CaddyFact, CaddyHost, Listener
from deploys.caddy.plan import plan
from deploys.common.changes import FileState, Foreign, Plan
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., CaddyHost]
OWN = (ipaddress.ip_address("8.8.4.4"), ipaddress.ip_address("10.0.0.2"))
ELSEWHERE = {"names": {"app.example.com": ("9.9.9.9",), "auth.example.com": ("held",)}}


def _codes(found: Plan) -> list[str]:
    return [refusal.code for refusal in found.refusals]


def test_without_sites_a_host_that_never_had_any_is_left_alone(
    make_settings: MakeSettings,
) -> None:
    """No package, no change; not even where somebody else's server is at work."""
    settings = make_settings()
    theirs = {places.CADDYFILE: FileState(b"example.org\n"), places.DROPIN: None}
    busy = CaddyHost(enabled=True, active=True, files=dict(theirs))

    assert () == TOPIC.packages(settings)
    assert not plan(settings, CaddyHost())
    assert not plan(settings, busy)


def test_with_the_last_site_the_server_ends(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Confirmed like any change; what a rollback needs is known."""
    found = plan(make_settings(), make_host(make_settings({})))

    assert [places.CADDYFILE, places.DROPIN, places.SYSCTL] == [
        change.path for change in found.files if change.after is None
    ]
    assert ["disable caddy.service"] == [action.summary for action in found.after]
    assert "enable caddy.service" in found.after[0].undo
    assert found.commit is not None
    assert "stop caddy.service" in found.commit.activate


def test_the_server_ends_though_its_configuration_is_gone(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """It is ours by its unit file; somebody else's configuration would not be."""
    host = make_host(make_settings({}))
    gone = replace(host, files={**host.files, places.CADDYFILE: None})
    theirs = replace(host, files={**host.files, places.CADDYFILE: FileState(b"a\n")})

    assert [places.DROPIN, places.SYSCTL] == [
        change.path for change in plan(make_settings(), gone).files
    ]
    assert not plan(make_settings(), theirs)


def test_a_host_as_it_should_be_is_left_alone(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """The second run changes nothing."""
    settings = make_settings({})

    found = plan(settings, make_host(settings))

    assert not found
    assert ((), ()) == (found.refusals, found.notes[1:])


def test_a_fresh_host_gets_all_files_in_one_commit(
    make_settings: MakeSettings,
) -> None:
    """The configuration is proved over TLS for every name, and undone otherwise."""
    settings = make_settings({})
    fresh = CaddyHost(
        names={"app.example.com": ("held",), "auth.example.com": ("held",)},
        answering=frozenset(site.place for site in settings.sites),
        files=dict.fromkeys((places.CADDYFILE, places.DROPIN, places.SYSCTL)),
    )

    found = plan(settings, fresh)

    assert () == found.refusals
    assert places.CADDYFILE in [change.path for change in found.files]
    assert found.commit is not None
    assert (places.UNIT,) == found.commit.units
    for name in ("app.example.com", "auth.example.com"):
        assert f'"{name}"' in found.commit.evidence


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"active": False}, "does not run"),
        ({"running": "other"}, "another configuration"),
        ({"running": ""}, "another configuration"),
        ({"unit": ""}, "another unit file"),
        ({"outdated": True}, "program was replaced"),
        ({"reload": True}, "has not read"),
        ({"buffers": 212_992}, "UDP buffers"),
    ],
)
def test_what_is_stale_is_seen_in_what_runs(
    make_settings: MakeSettings,
    make_host: MakeHost,
    changed: dict[str, Any],
    why: str,
) -> None:
    """Files that are right prove nothing: a lost restart is caught up."""
    settings = make_settings({})

    (step,) = plan(settings, make_host(settings, **changed)).after

    assert why in step.summary


def test_buffers_that_cannot_be_set_are_not_wanted(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """In a container they are its host's."""
    settings = make_settings({})

    assert not plan(settings, make_host(settings, buffers=None))


@pytest.mark.parametrize(
    ("changed", "code", "told"),
    [
        (
            {"listeners": (Listener("tcp", 80, "nginx"),)},
            "caddy-port",
            "port 80, by which certificates are had, is in use by nginx",
        ),
        (
            {"listeners": (Listener("udp", 443, ""),)},
            "caddy-port",
            "udp port 443 is in use by another program",
        ),
        ({"names": {}}, "caddy-name", "app.example.com does not resolve"),
        ({**ELSEWHERE, "addresses": OWN}, "caddy-name", "leads to 9.9.9.9"),
        ({"answering": frozenset()}, "caddy-upstream", "nothing listens on port 8000"),
    ],
)
def test_what_is_not_ready_refuses_a_change_only(
    make_settings: MakeSettings,
    make_host: MakeHost,
    changed: dict[str, Any],
    code: str,
    told: str,
) -> None:
    """An app that is down some day does not keep the rest of the host from its run."""
    settings = make_settings({})
    settled = plan(settings, make_host(settings, **changed))
    stale = plan(settings, make_host(settings, running="other", **changed))

    assert code in _codes(stale)
    assert told in " ".join(refusal.message for refusal in stale.refusals)
    assert () == settled.refusals
    assert told in " ".join(settled.notes)


def test_the_hosts_own_file_of_names_tells_nothing(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Cloud images map a host's name to 127.0.1.1."""
    settings = make_settings({})
    names = {"app.example.com": ("127.0.1.1",), "auth.example.com": ("held",)}
    seen = make_host(settings, running="other", addresses=OWN, names=names)

    assert () == plan(settings, seen).refusals


def test_a_name_is_not_judged_behind_address_translation(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """A host without a public address cannot know which one is its own."""
    settings = make_settings({})
    seen = make_host(settings, running="other", addresses=OWN[1:], **ELSEWHERE)

    assert () == plan(settings, seen).refusals


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (FileState(b"example.org\n"), "caddy-foreign"),
        (Foreign("symbolic link"), "caddy-foreign-path"),
    ],
)
def test_somebody_elses_configuration_is_kept(
    make_settings: MakeSettings, make_host: MakeHost, state: object, code: str
) -> None:
    """What an administrator serves already does not vanish for ours."""
    settings = make_settings({})
    files = {**make_host(settings).files, places.CADDYFILE: state}

    assert [code] == _codes(plan(settings, make_host(settings, files=files)))


def test_the_packages_own_configuration_is_replaced(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Nobody wrote it."""
    settings = make_settings({})
    files = {**make_host(settings).files, places.CADDYFILE: FileState(b":80\n")}
    found = plan(settings, make_host(settings, files=files, is_stock=True))

    assert () == found.refusals
    assert [places.CADDYFILE] == [change.path for change in found.files]


def test_a_proxys_word_needs_a_caddy_that_can_tell_it(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """2.6.2 would take any client's word."""
    settings = make_settings({"proxied_by": "cloudflare"})

    old = plan(settings, make_host(settings))
    new = plan(settings, make_host(settings, version=(2, 11, 7)))

    assert ["caddy-version"] == _codes(old)
    assert [] == _codes(new)


def test_a_missing_agent_is_told(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Its sites are refused until it is there; public ones need none."""
    settings = make_settings({})
    open_to_all = make_settings({"preset": "none", "public": ["/"]})

    notes = plan(settings, make_host(settings, agent=False)).notes
    none = plan(open_to_all, make_host(open_to_all, agent=False)).notes

    assert "every request to app.example.com is refused" in " ".join(notes)
    assert "agent" not in " ".join(none)


def test_the_fact_is_asked_for_the_names_it_needs(
    make_settings: MakeSettings,
) -> None:
    """Public names are resolved, private ones are not."""
    settings = make_settings(
        {}, {"host": "b.lan", "tls": "internal"}, {"host": "c.example.com"}
    )
    fact = CaddyFact()
    fact.command(settings)

    assert {"app.example.com", "c.example.com", "auth.example.com"} == {
        name.removeprefix("name:")
        for name in fact.sections()
        if name.startswith("name:")
    }
