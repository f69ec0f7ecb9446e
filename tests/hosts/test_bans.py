"""fail2ban as it runs: who is banned, for how long, and who never is."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hostchecks.bans import Bans, Jail
    from hostchecks.results import Seen
    from hostchecks.visit import Visit
    from hostchecks.wanted import Wanted

WEEK = 7 * 24 * 3600
RESTARTS = {"always", "on-failure", "on-abnormal"}
LOOPBACK = ("127.0.0.0/8", "::1/128")


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    """Whether *inner* holds no address that *outer* does not."""
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def _jail(bans: Bans, name: str) -> Jail:
    if name not in bans.jails:
        pytest.fail(
            f"there is no jail {name}; jails: {', '.join(bans.jails) or 'none'}"
        )
    return bans.jails[name]


@pytest.fixture
def ssh_jail(bans: Bans) -> Jail:
    """The jail that watches SSH."""
    return _jail(bans, "sshd")


@pytest.fixture
def recidive(bans: Bans) -> Jail:
    """The jail for addresses that come back."""
    return _jail(bans, "recidive")


@pytest.mark.control(
    id="BAN-01",
    title="fail2ban runs, and starts at boot",
    severity="high",
    refs=("Lynis TOOL-5104",),
)
def test_running(bans: Bans, units: dict[str, dict[str, str]], seen: Seen) -> None:
    """The server answers on its socket; its unit is enabled and active."""
    unit = units["fail2ban.service"]
    seen("version", bans.version)
    found = seen("unit", f"{unit['UnitFileState']}, {unit['ActiveState']}")

    assert "enabled, active" == found


@pytest.mark.control(
    id="BAN-02",
    title="Failing SSH logins are watched",
    severity="high",
    refs=("Lynis TOOL-5104",),
)
def test_ssh_jail(bans: Bans, seen: Seen) -> None:
    """A jail for sshd is active."""
    assert "sshd" in seen("jails", tuple(bans.jails))


@pytest.mark.control(
    id="BAN-03",
    title="The journal is read, not a file that may not exist",
    severity="high",
    refs=("fail2ban issue 3292",),
)
def test_journal_backend(ssh_jail: Jail, seen: Seen) -> None:
    """Debian 12 and later write no auth.log: a jail on it would be blind."""
    assert seen("reads the journal", ssh_jail.journal), "it reads a log file"


@pytest.mark.control(
    id="BAN-04",
    title="A few failures suffice for a ban",
    severity="medium",
    refs=("Lynis TOOL-5104",),
)
def test_few_failures(ssh_jail: Jail, wanted: Wanted, seen: Seen) -> None:
    """At most five failures within at least ten minutes."""
    limit = int(wanted.get("fail2ban.max_retry", 5))

    assert seen("maxretry", ssh_jail.maxretry) <= limit
    assert seen("findtime", ssh_jail.findtime) >= int(
        wanted.get("fail2ban.find_time", 600)
    )


@pytest.mark.control(
    id="BAN-05",
    title="A ban lasts",
    severity="medium",
    refs=("Lynis TOOL-5104",),
)
def test_ban_lasts(ssh_jail: Jail, wanted: Wanted, seen: Seen) -> None:
    """At least ten minutes for the first time (seconds; negative is for ever)."""
    seconds = seen("bantime", ssh_jail.bantime)

    assert seconds < 0 or seconds >= int(wanted.get("fail2ban.ban_time", 600))


@pytest.mark.control(
    id="BAN-06",
    title="Bans grow with every repetition",
    severity="medium",
    refs=("fail2ban bantime.increment",),
)
def test_bans_grow(ssh_jail: Jail, seen: Seen) -> None:
    """Who comes back after a ban waits longer the next time."""
    assert seen("bantime.increment", ssh_jail.increment), "every ban is alike"


@pytest.mark.control(
    id="BAN-07",
    title="Who is banned again and again is banned from everything",
    severity="medium",
    refs=("fail2ban recidive",),
)
def test_recidive(recidive: Jail, seen: Seen) -> None:
    """The recidive jail bans for a week or longer."""
    seconds = seen("bantime", recidive.bantime)

    assert seconds < 0 or seconds >= WEEK


@pytest.mark.control(
    id="BAN-08",
    title="The host never bans itself",
    severity="medium",
    refs=("fail2ban ignoreip",),
)
def test_loopback_is_ignored(ssh_jail: Jail, seen: Seen) -> None:
    """Loopback is ignored on IPv4 and IPv6."""
    seen("ignoreip", ssh_jail.ignored)

    assert ssh_jail.ignores("127.0.0.1"), "127.0.0.1 can be banned"
    assert ssh_jail.ignores("::1"), "::1 can be banned"


@pytest.mark.control(
    id="BAN-09",
    title="The operator is never banned",
    severity="high",
    refs=("Keepgate: never locked out",),
)
def test_operator_is_spared(
    bans: Bans, visit: Visit, wanted: Wanted, seen: Seen
) -> None:
    """No jail bans the operator's networks, nor the address we come from now."""
    if not bans.jails:
        pytest.fail("there is no jail")
    wants = {str(ip_network(network, strict=False)) for network in wanted.networks}
    for name, jail in bans.jails.items():
        spared = {str(network) for network in jail.networks()}
        seen(f"{name} ignores", spared)
        assert wants <= spared
        assert visit.spared(jail, visit.client), f"{name} could ban {visit.client}"


@pytest.mark.control(
    id="BAN-13",
    title="Nobody else is spared",
    severity="high",
    refs=("fail2ban ignoreip",),
    remedy="run `keepgate apply`; networks to be spared belong in `fail2ban.ignore`",
)
def test_nobody_else_is_spared(
    bans: Bans, visit: Visit, wanted: Wanted, seen: Seen
) -> None:
    """Our jails ignore loopback, the networks of the settings, and no others.

    The address we come from may be among them for minutes, while a change is proved.
    """
    known = [*LOOPBACK, *wanted.networks, *wanted.get("fail2ban.ignore", ())]
    known += [visit.client] if visit.client else []
    admitted = [ip_network(text, strict=False) for text in known]
    for name in wanted.jails:
        others = {
            str(network)
            for network in _jail(bans, name).networks()
            if not any(_within(network, one) for one in admitted)
        }
        assert set() == seen(f"{name} ignores others", others)


@pytest.mark.control(
    id="BAN-10",
    title="Bans are carried out by nftables",
    severity="medium",
    refs=("CIS Debian 12 4.3.3",),
)
def test_nftables_action(bans: Bans, seen: Seen) -> None:
    """Banned addresses stand in nft sets of fail2ban's own table."""
    actions = {
        name: ", ".join(jail.actions) or "none" for name, jail in bans.jails.items()
    }
    seen("actions", actions)
    others = [name for name, jail in bans.jails.items() if "nft" not in jail.commands]

    assert bans.jails, "there is no jail"
    assert [] == others


@pytest.mark.control(
    id="BAN-11",
    title="Bans outlive a restart",
    severity="low",
    refs=("fail2ban dbfile",),
)
def test_bans_are_kept(bans: Bans, seen: Seen) -> None:
    """The server keeps its bans in a database on disk."""
    path = seen("database", bans.database)

    assert path.startswith("/var/lib/"), "bans are forgotten at a restart"


@pytest.mark.control(
    id="BAN-12",
    title="fail2ban starts again when it fails",
    severity="low",
    refs=("Lynis TOOL-5104",),
)
def test_starts_again(units: dict[str, dict[str, str]], seen: Seen) -> None:
    """Systemd restarts the server when it crashes: nobody is unwatched for long."""
    unit = units["fail2ban.service"]
    if unit["LoadState"] != "loaded":
        pytest.fail("fail2ban is not installed")

    assert seen("Restart", unit.get("Restart", "no")) in RESTARTS
