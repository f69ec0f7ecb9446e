"""What is planned for a host's bans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from deploys.common.changes import Plan
from deploys.fail2ban import wanted
from deploys.fail2ban.facts import Fail2banHost, Server
from deploys.fail2ban.plan import plan
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., Fail2banHost]


def steps(made: Plan) -> list[str]:
    """Return what the plan does beside writing files."""
    return [action.summary for action in (*made.before, *made.after)]


def server_of(host: Fail2banHost) -> Server:
    """Return the server, which runs."""
    assert host.server is not None
    return host.server


def test_a_host_as_wanted_is_left_alone(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Nothing to do means an empty plan without remarks."""
    settings = make_settings()

    assert Plan("fail2ban") == plan(settings, make_host(settings))


def test_new_files_are_tried_before_they_are_put_in_place(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """A fresh host gets every file between a trial and a start."""
    settings = make_settings(proxied="none")
    fresh = dict.fromkeys(wanted.MANAGED)

    made = plan(settings, make_host(settings, files=fresh, server=None))

    assert set(wanted.MANAGED) == {change.path for change in made.files}
    assert [
        "try the new configuration of fail2ban",
        "start fail2ban anew (does not run)",
    ] == steps(made)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"server": None}, "does not run"),
        ({"enabled": False}, "does not start at boot"),
        ({"loaded": False}, "has not read its files"),
        ({"reload": True}, "its unit file was not read"),
    ],
)
def test_a_server_that_is_stale_is_started_anew(
    make_settings: MakeSettings,
    make_host: MakeHost,
    changed: dict[str, Any],
    reason: str,
) -> None:
    """What the host does counts, not that the files are as they should be."""
    settings = make_settings()

    assert [f"start fail2ban anew ({reason})"] == steps(
        plan(settings, make_host(settings, **changed))
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("maxretry", 99),
        ("bantime", 1),
        ("ignoreip", []),
        ("journalmatch", []),
        ("actions", ["iptables-multiport"]),
        ("ignorecommand", ""),
    ],
)
def test_a_value_changed_at_run_time_is_mended(
    make_settings: MakeSettings, make_host: MakeHost, key: str, value: object
) -> None:
    """A running server that somebody has told something else is started anew."""
    settings = make_settings()
    host = make_host(settings)
    server = server_of(host)
    jails = {**server.jails, "sshd": {**server.jails["sshd"], key: value}}

    made = plan(settings, replace(host, server=replace(server, jails=jails)))

    assert [f"start fail2ban anew (sshd: {key} is {value})"] == steps(made)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"chains": frozenset({"recidive"})}, "sshd: nft drops nothing"),
        (
            {"unenforced": ("sshd: 192.0.2.1",)},
            "nft and server differ on sshd: 192.0.2.1",
        ),
        ({"values": {}}, "dbfile is None; dbpurgeage is None; logtarget is None"),
    ],
)
def test_bans_that_are_not_enforced_are_noticed(
    make_settings: MakeSettings,
    make_host: MakeHost,
    changed: dict[str, Any],
    reason: str,
) -> None:
    """The packet filter is asked, not only the server."""
    settings = make_settings()
    host = make_host(settings)
    changed_host = replace(host, server=replace(server_of(host), **changed))

    assert [f"start fail2ban anew ({reason})"] == steps(plan(settings, changed_host))


def test_a_foreign_jail_that_may_ban_the_operator_is_told(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Other people's jails are not touched, but the operator hears of them."""
    settings = make_settings(networks=("203.0.113.0/24",))
    host = make_host(settings)
    server = server_of(host)
    jails = {**server.jails, "web": {"ignoreip": ["127.0.0.0/8"]}}

    made = plan(settings, replace(host, server=replace(server, jails=jails)))

    assert not made
    assert "jail web" in made.notes[0]
    assert "203.0.113.0/24" in made.notes[0]


def test_an_operator_whom_nothing_spares_is_told(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Without networks and without spared logins the operator can be banned."""
    settings = make_settings(spare_logins=0)

    assert "nothing keeps the operator" in plan(settings, make_host(settings)).notes[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_retry", 1),
        ("ban_time", 0),
        ("recidive_ban_time", 3600),
        ("ignore", ["192.0.2.1/24"]),
        ("mode", "strict"),
        ("spare_logins", -1),
    ],
)
def test_bad_values_are_refused(
    make_settings: MakeSettings, key: str, value: object
) -> None:
    """What could not be meant is no setting."""
    with pytest.raises(ValidationError, match=key):
        make_settings(**{key: value})


def test_no_ban_is_longer_than_the_longest(make_settings: MakeSettings) -> None:
    """The first ban cannot exceed what no ban exceeds."""
    with pytest.raises(ValidationError, match="max_ban_time"):
        make_settings(ban_time=7200, max_ban_time=3600)


@pytest.mark.parametrize(
    ("jail", "client", "warned"),
    [
        ({"ignoreip": ["127.0.0.0/8"]}, "192.0.2.7", True),
        ({"ignoreip": ["2001:db8::/48"]}, "2001:db8:1::7", True),
        ({"ignoreip": ["192.0.2.0/24"]}, "192.0.2.7", False),
        ({"ignoreip": ["bastion", "192.0.2.7/32"]}, "192.0.2.7", False),
        ({"ignoreip": [], "ignorecommand": "/usr/local/bin/judge <ip>"}, "::9", False),
        ({"ignoreip": []}, "", False),
    ],
)
def test_a_foreign_jail_that_may_ban_us_is_told(
    make_settings: MakeSettings,
    make_host: MakeHost,
    jail: dict[str, Any],
    client: str,
    warned: bool,
) -> None:
    """A jail on SSH that does not spare the address we come from is named."""
    settings = make_settings()
    host = make_host(settings, client=client)
    server = server_of(host)
    server = replace(
        server,
        jails={**server.jails, "theirs": jail},
        watching=frozenset({"theirs", "sshd"}),
    )

    made = plan(settings, replace(host, server=server))

    assert not made
    assert warned == any(
        "jail theirs" in note and client in note for note in made.notes
    )


def test_a_foreign_jail_on_something_else_is_none_of_ours(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """A jail that does not watch SSH bans whom it likes."""
    settings = make_settings()
    host = make_host(settings, client="192.0.2.7")
    server = server_of(host)
    jails = {**server.jails, "web": {"ignoreip": []}}

    made = plan(settings, replace(host, server=replace(server, jails=jails)))

    assert () == made.notes


@pytest.mark.parametrize(("proxied", "told"), [("none", False), ("cloudflare", True)])
def test_it_is_told_that_proxied_sites_ban_nobody(
    make_settings: MakeSettings, make_host: MakeHost, proxied: str, *, told: bool
) -> None:
    """With the reason."""
    settings = make_settings(networks=("203.0.113.0/24",), proxied=proxied)

    made = plan(settings, make_host(settings))

    assert told is any("is proxied" in note for note in made.notes)
