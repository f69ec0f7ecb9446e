"""fail2ban's files as they are rendered."""

from __future__ import annotations

import configparser
from collections.abc import Callable

import pytest

from deploys.common.changes import FileState
from deploys.fail2ban import wanted
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
ACTION = "/etc/fail2ban/action.d/keepgate-nft.conf"
JAILS = "/etc/fail2ban/jail.d/zz-keepgate.local"


def text(settings: Settings, path: str) -> str:
    """Return a managed file's text."""
    state = wanted.files(settings)[path]
    assert isinstance(state, FileState)
    return state.content.decode()


def parsed(settings: Settings, path: str) -> configparser.ConfigParser:
    """Return a file as fail2ban reads it: ` ;` begins a comment."""
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), strict=True)
    parser.read_string(text(settings, path))
    return parser


@pytest.mark.parametrize("jail", ["sshd", "recidive"])
def test_both_jails_read_the_journal(make_settings: MakeSettings, jail: str) -> None:
    """No log file is needed, and only what root wrote counts."""
    section = parsed(make_settings(), JAILS)[jail]

    assert "systemd" == section["backend"]
    assert "_UID=0" in section["journalmatch"]


def test_other_jails_keep_their_values(make_settings: MakeSettings) -> None:
    """The file that wins sets nothing outside our own jails."""
    assert {"sshd", "recidive"} == set(parsed(make_settings(), JAILS).sections())
    assert {} == dict(parsed(make_settings(), JAILS).defaults())


def test_the_operator_is_ignored_by_every_jail(make_settings: MakeSettings) -> None:
    """Ours say so themselves; others inherit it unless they say something else."""
    settings = make_settings(networks=("203.0.113.0/24",), ignore=["2001:db8::/32"])
    expected = "127.0.0.0/8 ::1 203.0.113.0/24 2001:db8::/32"

    for jail in ("sshd", "recidive"):
        assert expected == parsed(settings, JAILS)[jail]["ignoreip"]
    defaults = parsed(settings, "/etc/fail2ban/jail.d/00-keepgate.conf").defaults()
    assert expected == defaults["ignoreip"]


def test_spared_networks_are_accepted_before_anything_is_dropped(
    make_settings: MakeSettings,
) -> None:
    """A ban of the /64 around the operator leaves the operator in."""
    settings = make_settings(networks=("2001:db8::7", "192.0.2.0/24", "192.0.2.9"))
    action = text(settings, ACTION)

    accept = action.index("ip6 saddr { 2001:db8::7/128 } accept")
    assert accept < action.index("drop")
    assert "ip saddr { 192.0.2.0/24 } accept" in action


def test_the_action_holds_no_comment_by_accident(make_settings: MakeSettings) -> None:
    """fail2ban cuts a line at a blank and a semicolon, inside quotes too."""
    body = [
        line
        for line in text(make_settings(), ACTION).splitlines()
        if not line.startswith("#")
    ]

    assert [] == [line for line in body if " ;" in line]


def test_ipv6_is_banned_by_its_prefix(make_settings: MakeSettings) -> None:
    """One ban shuts out the /64 that a single customer has."""
    raw = configparser.RawConfigParser()
    raw.read_string(text(make_settings(), ACTION))

    assert "_6 { <ip>/64 }" in raw["Definition"]["actionban"]
    assert "_4 { <ip> }" in raw["Definition"]["actionban"]


def test_nothing_is_spared_by_a_login_if_switched_off(
    make_settings: MakeSettings,
) -> None:
    """`spare_logins: 0` leaves fail2ban without the command."""
    section = parsed(make_settings(spare_logins=0), JAILS)["sshd"]

    assert "" == section["ignorecommand"]


def test_bans_are_remembered_as_long_as_they_count(
    make_settings: MakeSettings,
) -> None:
    """fail2ban forgets after a day unless told otherwise."""
    settings = make_settings(recidive_ban_time=28 * 24 * 3600)

    assert 28 * 24 * 3600 < wanted.server(settings)["dbpurgeage"]


def test_every_managed_path_is_observed(make_settings: MakeSettings) -> None:
    """What is written is what is asked for."""
    assert set(wanted.MANAGED) == set(wanted.files(make_settings()))
    assert set(wanted.PATHS) == set(wanted.configuration(make_settings(proxied="none")))


WEB = ("keepgate-login", "keepgate-refused")


def test_sites_behind_login_have_jails_of_their_own(
    make_settings: MakeSettings,
) -> None:
    """The agent's journal, by what nobody else can write, and the access log."""
    login, refused = (
        parsed(make_settings(proxied="none"), JAILS)[jail] for jail in WEB
    )

    expected = "_SYSTEMD_UNIT=auth-agent.service _TRANSPORT=stdout"
    assert ("systemd", expected) == (login["backend"], login["journalmatch"])
    assert ("polling", "/var/log/caddy/access.json") == (
        refused["backend"],
        refused["logpath"],
    )
    assert ("10", "100") == (login["maxretry"], refused["maxretry"])


@pytest.mark.parametrize("proxied", ["", "cloudflare"])
def test_nobody_is_banned_for_what_a_proxy_does(
    make_settings: MakeSettings, proxied: str
) -> None:
    """Without a login, or behind a proxy, neither jail nor filter is there."""
    settings = make_settings(proxied=proxied)

    assert {"sshd", "recidive"} == set(parsed(settings, JAILS).sections())
    assert {None} == {
        wanted.files(settings)[f"/etc/fail2ban/filter.d/{jail}.conf"] for jail in WEB
    }
    assert "access.json" not in text(settings, wanted.DROPIN)


def test_the_jails_of_sites_ignore_whom_all_ignore(
    make_settings: MakeSettings,
) -> None:
    """The operator is banned nowhere."""
    settings = make_settings(networks=("203.0.113.0/24",), proxied="none")

    for jail in WEB:
        section = parsed(settings, JAILS)[jail]
        assert "127.0.0.0/8 ::1 203.0.113.0/24" == section["ignoreip"]
        assert "keepgate-spare <ip>" in section["ignorecommand"]
