"""What a host's answers mean for its firewall."""

from __future__ import annotations

import pytest

from deploys.common.batch import Output
from deploys.firewall.facts import FirewallFact, FirewallHost

SSHD = 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=7,fd=3))\n'
OTHER = 'LISTEN 0 128 [::]:8080 [::]:* users:(("python3",pid=9,fd=3))\n'
SOCKET = "[::]:2222 (Stream)\n0.0.0.0:2222 (Stream)\n"


def _seen(**answers: str | None) -> FirewallHost:
    """Return the host that gives *answers*; None is a command that failed."""
    fact = FirewallFact()
    given = {name: Output(0, b"") for name in fact.sections()}
    given |= {"ufw": Output(1, b""), "firewalld": Output(1, b"")}
    for name, text in answers.items():
        given[name] = Output(1, b"") if text is None else Output(0, text.encode())
    return fact.interpret(given)


@pytest.mark.parametrize(
    ("answers", "ports"),
    [
        ({"configured": "22\n"}, (22,)),
        ({"configured": "22\n2200\n"}, (22, 2200)),
        ({"configured": "2200\n", "listening": SSHD}, (22, 2200)),
        ({"listening": SSHD + OTHER}, (22,)),
        ({"configured": "22\n", "socket": SOCKET}, (22, 2222)),
        ({"connection": "192.0.2.1 4711 192.0.2.2 2022\n"}, (2022,)),
        ({"connection": "\n", "configured": None, "socket": None}, ()),
    ],
)
def test_ssh_is_where_it_listens_or_will(
    answers: dict[str, str | None], ports: tuple[int, ...]
) -> None:
    """By sshd's word, by the kernel's, by systemd's, and by the port we came by."""
    assert ports == _seen(**answers).ports


def test_ports_redirected_by_iptables_are_found() -> None:
    """Engines write them so; nft shows such rules only in part."""
    text = (
        "*nat\n:DOCKER - [0:0]\n"
        "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT "
        "--to-destination 172.17.0.2:80\n"
        "-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE\nCOMMIT\n"
    )

    assert ("8080/tcp",) == _seen(redirected=text).published


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (":INPUT DROP [0:0]", True),
        ("-A INPUT -j REJECT --reject-with icmp-host-prohibited", True),
        ("-A INPUT -s 192.0.2.9/32 -j DROP", False),
        ("-A INPUT -p tcp -m tcp --dport 23 -j DROP", False),
        (":FORWARD DROP [0:0]", False),
        ("-A DOCKER-ISOLATION -j DROP", False),
    ],
)
def test_legacy_rules_that_shut_by_default_are_found(line: str, *, found: bool) -> None:
    """Not those against one address or port, and not a container engine's."""
    assert ((line,) if found else ()) == _seen(legacy=f"*filter\n{line}\n").shutting


def test_table_that_cannot_be_listed_is_none() -> None:
    """What a failed command wrote is no table."""
    seen = _seen(live=None, expected=None)

    assert ("", "") == (seen.live, seen.expected)


def test_unit_is_read_as_systemd_has_it() -> None:
    """Enabled and active are two things."""
    seen = _seen(unit="UnitFileState=enabled\nActiveState=failed\n")

    assert (True, False) == (seen.enabled, seen.active)
