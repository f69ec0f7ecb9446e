"""Bans for failures at the sites, and what a ban shuts out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hostchecks.results import not_observed
from hostchecks.system import stats

if TYPE_CHECKING:
    from hostchecks.bans import Bans, Jail
    from hostchecks.batch import Section
    from hostchecks.nft import Firewall
    from hostchecks.results import Seen
    from hostchecks.wanted import Wanted

LOGIN: Final = "keepgate-login"
REFUSED: Final = "keepgate-refused"
ACCESS_LOG: Final = "/var/log/caddy/access.json"
AGENT: Final = "_SYSTEMD_UNIT=auth-agent.service"
STREAM: Final = "_TRANSPORT=stdout"
"""What systemd opened for a unit; nobody else writes to it."""


def _watched(bans: Bans, wanted: Wanted, name: str) -> Jail:
    """Return jail *name*, which must be there exactly where the sites need it."""
    if name in wanted.jails:
        if name not in bans.jails:
            pytest.fail(f"there is no jail {name}")
        return bans.jails[name]
    reason = (
        "the sites are behind a proxy, which a ban would shut out"
        if wanted.is_proxied
        else "no site is behind login"
    )
    if name in bans.jails:
        pytest.fail(f"there is a jail {name}: {reason}")
    return not_observed(reason)


@pytest.mark.control(
    id="BAN-14",
    title="Failing logins at the sites are watched",
    severity="high",
    refs=("ASVS 6.3.1",),
)
def test_login_jail(bans: Bans, wanted: Wanted, seen: Seen) -> None:
    """In the agent's own words, that no local user can write; behind a proxy not."""
    jail = _watched(bans, wanted, LOGIN)
    seen("reads", [" ".join(match) for match in jail.matches])

    assert jail.journal, "it reads a log file"
    assert all({AGENT, STREAM} <= set(match) for match in jail.matches)
    assert seen("maxretry", jail.maxretry) <= int(
        wanted.get("fail2ban.login_retry", default=10)
    )
    assert seen("findtime", jail.findtime) >= int(
        wanted.get("fail2ban.find_time", default=600)
    )


@pytest.mark.control(
    id="BAN-15",
    title="Whom the sites refuse again and again is banned",
    severity="medium",
    refs=("ASVS 2.4.1",),
)
def test_refused_jail(
    bans: Bans, wanted: Wanted, answers: dict[str, Section], seen: Seen
) -> None:
    """By the web server's log of answers 401, 403 and 429; behind a proxy not."""
    jail = _watched(bans, wanted, REFUSED)
    there = set(stats(answers["web-files"].lines))

    assert (ACCESS_LOG,) == seen("reads", jail.logs)
    assert ACCESS_LOG in there, f"{ACCESS_LOG} is not there"
    assert seen("maxretry", jail.maxretry) <= int(
        wanted.get("fail2ban.refused_retry", default=100)
    )
    assert seen("findtime", jail.findtime) >= int(
        wanted.get("fail2ban.find_time", default=600)
    )


@pytest.mark.control(
    id="BAN-16",
    title="A ban shuts out the whole /64 of an IPv6 address, from every port",
    severity="high",
    refs=("RFC 6177",),
)
def test_prefixes(bans: Bans, firewall: Firewall, wanted: Wanted, seen: Seen) -> None:
    """By sets of networks that the packet filter drops: an address costs nobody."""
    shut = firewall.shut_out(6)
    seen("sets", sorted(shut))
    for name in wanted.jails:
        if name not in bans.jails:
            pytest.fail(f"there is no jail {name}")
        assert f"{name}_6" in shut
        assert "<ip>/64" in bans.jails[name].commands, f"{name} bans single addresses"
        others = {one for one in shut[f"{name}_6"] if not one.endswith("/64")}
        assert set() == seen(f"{name} shuts out others", others)
