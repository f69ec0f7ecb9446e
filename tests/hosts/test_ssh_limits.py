"""What an SSH connection may do before and after login, and what is recorded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hostchecks.results import not_observed

if TYPE_CHECKING:
    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.sshd import Sshd
    from hostchecks.wanted import Wanted

# Lynis and CIS look for these words in a notice; none may name the software.
_NOTICE = {"authorized", "access", "monitored", "prohibited", "law"}
_SOFTWARE = ("debian", "ubuntu", "linux", "\\s", "\\r", "\\v", "\\m")


@pytest.mark.control(
    id="SSH-20",
    title="Few tries per connection",
    severity="medium",
    refs=("CIS Debian 12 5.1.16", "Lynis SSH-7408", "dev-sec sshd-19"),
)
def test_few_tries(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """A client that guesses has to come back, and each time is counted."""
    limit = wanted.get("ssh.max_auth_tries", 3)

    assert seen("maxauthtries", sshd.number("maxauthtries")) <= limit


@pytest.mark.control(
    id="SSH-21",
    title="Few sessions per connection",
    severity="low",
    refs=("CIS Debian 12 5.1.17", "Lynis SSH-7408", "dev-sec sshd-20"),
)
def test_few_sessions(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """One connection cannot open an unbounded number of shells."""
    limit = wanted.get("ssh.max_sessions", 4)

    assert seen("maxsessions", sshd.number("maxsessions")) <= limit


@pytest.mark.control(
    id="SSH-22",
    title="Unauthenticated connections are bounded",
    severity="medium",
    refs=("CIS Debian 12 5.1.18", "dev-sec sshd-21"),
)
def test_startups_are_bounded(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """A flood of half-open logins is dropped before it fills the host."""
    limit = [int(n) for n in wanted.get("ssh.max_startups", "10:30:60").split(":")]
    begin, rate, full = map(
        int, seen("maxstartups", sshd.value("maxstartups")).split(":")
    )

    assert begin <= limit[0]
    assert rate >= limit[1]
    assert full <= limit[2]


@pytest.mark.control(
    id="SSH-23",
    title="Little time to log in",
    severity="medium",
    refs=("CIS Debian 12 5.1.13", "Lynis SSH-7408", "dev-sec sshd-18"),
)
def test_little_time_to_log_in(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """A connection that does not log in is closed soon (seconds; 0 is never)."""
    grace = seen("logingracetime", sshd.number("logingracetime"))

    assert grace >= 1
    assert grace <= wanted.get("ssh.login_grace_time", 30)


@pytest.mark.control(
    id="SSH-24",
    title="Dead connections are closed",
    severity="low",
    refs=("CIS Debian 12 5.1.7", "dev-sec sshd-36", "dev-sec sshd-37"),
)
def test_dead_connections_are_closed(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """A forgotten session ends; sshd asks inside the encrypted channel."""
    interval = seen("clientaliveinterval", sshd.number("clientaliveinterval"))
    count = seen("clientalivecountmax", sshd.number("clientalivecountmax"))

    assert interval >= 1
    assert interval <= wanted.get("ssh.client_alive_interval", 300)
    assert count >= 1
    assert count <= wanted.get("ssh.client_alive_count_max", 2)


@pytest.mark.control(
    id="SSH-25",
    title="TCP keep-alives are off",
    severity="low",
    refs=("Lynis SSH-7408", "dev-sec sshd-35"),
)
def test_tcp_keepalive_is_off(sshd: Sshd, seen: Seen) -> None:
    """They are sent in the clear and can be forged; see SSH-24 for what is used."""
    assert "no" == seen("tcpkeepalive", sshd.value("tcpkeepalive"))


@pytest.mark.control(
    id="SSH-26",
    title="Misbehaving addresses are slowed down by sshd itself",
    severity="medium",
    refs=("OpenSSH 9.8 PerSourcePenalties",),
)
def test_penalties_are_on(sshd: Sshd, seen: Seen) -> None:
    """Sshd refuses addresses that fail often, before fail2ban has read a log."""
    if not sshd.knows("persourcepenalties"):
        not_observed("OpenSSH before 9.8 has no PerSourcePenalties")
    penalties = seen("persourcepenalties", sshd.value("persourcepenalties"))

    assert "authfail" in penalties


@pytest.mark.control(
    id="SSH-27",
    title="The operator's networks are exempt from penalties",
    severity="medium",
    refs=("OpenSSH 9.8 PerSourcePenaltyExemptList",),
)
def test_operator_is_exempt(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """A scan from the operator's own desk does not shut the operator out."""
    if not sshd.knows("persourcepenalties"):
        not_observed("OpenSSH before 9.8 has no PerSourcePenalties")
    if not wanted.networks:
        not_observed("operator.networks names no network to exempt")
    exempt = seen(
        "persourcepenaltyexemptlist", sshd.value("persourcepenaltyexemptlist")
    )

    assert set(wanted.networks) <= set(exempt.split(","))


@pytest.mark.control(
    id="SSH-28",
    title="Nothing can be forwarded",
    severity="medium",
    refs=("CIS Debian 12 5.1.8", "Lynis SSH-7408", "dev-sec sshd-39"),
)
def test_forwarding_is_off(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """A stolen login is no tunnel into the network behind the host."""
    others = sshd.without(wanted.get("ssh.forwarding_users", ()))
    found = {
        keyword: others.value(keyword)
        for keyword in (
            "disableforwarding",
            "allowtcpforwarding",
            "allowstreamlocalforwarding",
            "permittunnel",
            "gatewayports",
        )
    }

    assert {
        "disableforwarding": "yes",
        "allowtcpforwarding": "no",
        "allowstreamlocalforwarding": "no",
        "permittunnel": "no",
        "gatewayports": "no",
    } == seen("", found)


@pytest.mark.control(
    id="SSH-29",
    title="Agents are not forwarded",
    severity="medium",
    refs=("CIS Debian 12 5.1.8", "Lynis SSH-7408", "dev-sec sshd-40"),
)
def test_agent_forwarding_is_off(sshd: Sshd, seen: Seen) -> None:
    """Root on this host cannot use the keys of who logs in."""
    assert "no" == seen("allowagentforwarding", sshd.value("allowagentforwarding"))


@pytest.mark.control(
    id="SSH-30",
    title="X11 is not forwarded",
    severity="low",
    refs=("CIS Debian 12 5.1.8", "Lynis SSH-7408", "dev-sec sshd-42"),
)
def test_x11_is_off(sshd: Sshd, seen: Seen) -> None:
    """This host cannot reach into the display of who logs in."""
    assert "no" == seen("x11forwarding", sshd.value("x11forwarding"))


@pytest.mark.control(
    id="SSH-31",
    title="Logins are logged with the key that was used",
    severity="medium",
    refs=("CIS Debian 12 5.1.14", "Lynis SSH-7408", "dev-sec sshd-13"),
)
def test_logins_are_logged(sshd: Sshd, seen: Seen) -> None:
    """VERBOSE records the fingerprint: who of several came in on one account."""
    assert "VERBOSE" == seen("loglevel", sshd.value("loglevel"))


@pytest.mark.control(
    id="SSH-32",
    title="A legal notice stands before the login",
    severity="low",
    refs=("CIS Debian 12 5.1.5", "CIS Debian 12 1.6.3", "Lynis BANN-7130"),
)
def test_notice_before_login(
    sshd: Sshd, answers: dict[str, Section], wanted: Wanted, seen: Seen
) -> None:
    """The notice says whom the host is for, and nothing of what runs on it."""
    text = answers["sshd-banner"].text
    banner = seen("banner", sshd.value("banner"))
    seen.note(f"issue.net: {text.strip()[:120] or 'empty'}")
    own = wanted.get("ssh.banner")

    assert "/etc/issue.net" == banner
    assert [] == [word for word in _SOFTWARE if word in text.lower()]
    if own is None:
        assert set(re.findall(r"[a-z]+", text.lower())) >= _NOTICE
    else:
        assert " ".join(own.split()) in " ".join(text.split()), "it is another text"


@pytest.mark.control(
    id="SSH-33",
    title="The last login is shown",
    severity="low",
    refs=("Lynis SSH-7408",),
)
def test_last_login_is_shown(sshd: Sshd, seen: Seen) -> None:
    """Who logs in notices when somebody else did before."""
    assert "yes" == seen("printlastlog", sshd.value("printlastlog"))


@pytest.mark.control(
    id="SSH-34",
    title="No DNS lookups and no compression before login",
    severity="low",
    refs=("Lynis SSH-7408",),
)
def test_no_dns_and_no_compression(sshd: Sshd, seen: Seen) -> None:
    """A client can neither slow logins down nor reach that code."""
    dns = seen("usedns", sshd.value("usedns"))
    compression = seen("compression", sshd.value("compression"))

    assert "no" == dns
    assert compression in ("no", "delayed")
