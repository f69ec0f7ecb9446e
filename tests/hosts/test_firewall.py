"""What the packet filter lets in, read from the kernel's own rule set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hostchecks.nft import Chain
from hostchecks.results import not_observed
from hostchecks.sockets import listeners

if TYPE_CHECKING:
    from hostchecks.batch import Section
    from hostchecks.nft import Firewall, Rule
    from hostchecks.results import Seen
    from hostchecks.sshd import Sshd
    from hostchecks.visit import Visit
    from hostchecks.wanted import Wanted

DHCP = {68, 546}  # replies to the clients of IPv4 and IPv6
LOADERS = {"keepgate-firewall.service", "nftables.service", "ufw.service"}
WIDE = {
    "meta nfproto": {"ipv4", "ipv6", "2", "10"},
    "meta protocol": {"ip", "ip6"},
    "meta l4proto": {"tcp", "udp", "6", "17"},
    "ip protocol": {"tcp", "udp", "6", "17"},
    "ip6 nexthdr": {"tcp", "udp", "6", "17"},
    "ct state": {"new", "untracked"},
}
"""What a rule may match without saying what it is for."""

NEIGHBOURS = {"nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-advert"}


def _is_bare(rule: Rule) -> bool:
    """Whether nothing in *rule* narrows down what it is for."""
    for what, value in rule.matches():
        listed = value.get("set", [value]) if isinstance(value, dict) else value
        named = {str(one) for one in (listed if isinstance(listed, list) else [listed])}
        if not named & WIDE.get(what, set()):
            return False
    return True


@pytest.fixture
def guard(firewall: Firewall) -> Chain:
    """The chain that decides about incoming packets."""
    chain = firewall.guard()
    if chain is None:
        pytest.fail("no chain drops incoming packets")
    return chain


@pytest.fixture
def rules(firewall: Firewall, guard: Chain) -> list[Rule]:
    """The rules that an incoming packet may meet."""
    return firewall.reached(guard)


@pytest.mark.control(
    id="FW-01",
    title="Incoming IPv4 is dropped unless a rule admits it",
    severity="high",
    refs=("CIS Debian 12 4.3.8", "Lynis FIRE-4590"),
)
def test_ipv4_is_dropped(firewall: Firewall, seen: Seen) -> None:
    """A service that starts to listen is not reachable by that alone."""
    chains = {str(chain): chain.policy for chain in firewall.base("input", 4)}
    seen("input", chains)

    assert firewall.drops("input", 4), "no chain drops what no rule accepts"


@pytest.mark.control(
    id="FW-02",
    title="Incoming IPv6 is dropped unless a rule admits it",
    severity="high",
    refs=("CIS Debian 12 4.3.8",),
)
def test_ipv6_is_dropped(firewall: Firewall, seen: Seen) -> None:
    """The second door is shut like the first."""
    chains = {str(chain): chain.policy for chain in firewall.base("input", 6)}
    seen("input", chains)

    assert firewall.drops("input", 6), "no chain drops what no rule accepts"


@pytest.mark.control(
    id="FW-03",
    title="Nothing is forwarded",
    severity="medium",
    refs=("CIS Debian 12 4.3.8", "dev-sec sysctl-01"),
)
def test_nothing_is_forwarded(
    firewall: Firewall, answers: dict[str, Section], wanted: Wanted, seen: Seen
) -> None:
    """The host is no router, unless a container engine needs it to be one."""
    if wanted.get("firewall.forward", default=False):
        not_observed("firewall.forward is on: the host is meant to forward")
    engines = answers["engines"].lines
    if engines:
        not_observed(f"a container engine forwards here: {', '.join(engines)}")
    seen("forward", {str(c): c.policy for c in firewall.base("forward", 4)})

    assert firewall.drops("forward", 4), "IPv4 may be forwarded"
    assert firewall.drops("forward", 6), "IPv6 may be forwarded"


@pytest.mark.control(
    id="FW-04",
    title="Only the named ports are admitted",
    severity="high",
    refs=("CIS Debian 12 4.3.7",),
)
def test_only_named_ports(
    firewall: Firewall, guard: Chain, sshd: Sshd, wanted: Wanted, seen: Seen
) -> None:
    """The TCP ports that a rule accepts are SSH's and those of the settings."""
    admitted = firewall.admitted(guard, "tcp")

    assert sshd.ports | set(wanted.ports("tcp")) == seen("tcp", admitted)


@pytest.mark.control(
    id="FW-05",
    title="Only the named UDP ports are admitted",
    severity="high",
    refs=("CIS Debian 12 4.3.7",),
)
def test_only_named_udp_ports(
    firewall: Firewall, guard: Chain, wanted: Wanted, seen: Seen
) -> None:
    """Beside the settings' ports only the DHCPv6 client's 546 may be open."""
    admitted = seen("udp", firewall.admitted(guard, "udp"))

    assert set(wanted.ports("udp")) == admitted - DHCP


@pytest.mark.control(
    id="FW-06",
    title="No rule admits everything",
    severity="high",
    refs=("CIS Debian 12 4.3.7",),
)
def test_no_rule_admits_everything(rules: list[Rule], seen: Seen) -> None:
    """Each rule that accepts says what it accepts: a port, a state, an interface.

    To name a family, TCP as such, or new connections is to say nothing.
    """
    bare = [rule.chain for rule in rules if rule.has("accept") and _is_bare(rule)]
    seen("rules", len(rules))

    assert [] == seen("that admit everything", bare)


@pytest.mark.control(
    id="FW-07",
    title="Traffic within the host is admitted",
    severity="medium",
    refs=("CIS Debian 12 4.3.6",),
)
def test_loopback_is_admitted(rules: list[Rule], seen: Seen) -> None:
    """Services of the host reach each other over the loopback interface."""
    loopback = [
        value
        for rule in rules
        if rule.has("accept")
        for what, value in rule.matches()
        if what in ("meta iifname", "meta iif") and "lo" in str(value)
    ]

    assert seen("accepted interface", loopback), "no rule accepts it"


@pytest.mark.control(
    id="FW-08",
    title="Answers are admitted, strays are not",
    severity="medium",
    refs=("CIS Debian 12 4.3.7",),
)
def test_connection_tracking(rules: list[Rule], seen: Seen) -> None:
    """Packets of known connections pass, those of no connection are dropped."""
    states = {
        verdict: " ".join(
            str(value)
            for rule in rules
            if rule.has(verdict)
            for what, value in rule.matches()
            if what == "ct state"
        )
        for verdict in ("accept", "drop")
    }

    assert "established" in seen("accepted", states["accept"])
    assert "invalid" in seen("dropped", states["drop"])


@pytest.mark.control(
    id="FW-09",
    title="IPv6 keeps working: neighbours and routers are heard",
    severity="high",
    refs=("RFC 4890 4.4.1",),
)
def test_neighbour_discovery(rules: list[Rule], seen: Seen) -> None:
    """Without neighbour discovery IPv6 dies minutes after the rules are loaded."""
    admitted = " ".join(rule.text for rule in rules if rule.has("accept"))

    assert NEIGHBOURS == seen(
        "admitted", {name for name in NEIGHBOURS if name in admitted}
    )


@pytest.mark.control(
    id="FW-10",
    title="Packets are told when they are too big",
    severity="medium",
    refs=("RFC 4890 4.3.1", "RFC 1191"),
)
def test_packet_too_big(rules: list[Rule], seen: Seen) -> None:
    """Path MTU discovery works, so that large answers do not stall."""
    admitted = " ".join(rule.text for rule in rules if rule.has("accept"))
    found = {
        name
        for name in ("packet-too-big", "destination-unreachable")
        if name in admitted
    }

    assert {"packet-too-big", "destination-unreachable"} == seen("admitted", found)


@pytest.mark.control(
    id="FW-11",
    title="New SSH connections are limited per address",
    severity="medium",
    refs=("CIS Debian 12 4.3.7", "ssh-audit DHEat"),
)
def test_ssh_is_limited(rules: list[Rule], seen: Seen) -> None:
    """One address cannot keep the host busy with key exchanges, on IPv4 and IPv6."""
    families = {
        protocol
        for protocol in ("ip", "ip6")
        for rule in rules
        # A set that grows by itself, or a meter: a limit for each address.
        if '"limit"' in rule.text
        and re.search(r'"(set|meter)": ', rule.text)
        and f'"field": "saddr", "protocol": "{protocol}"' in rule.text
    }

    assert {"ip", "ip6"} == seen("limited", families)


@pytest.mark.control(
    id="FW-12",
    title="The rules are loaded at boot",
    severity="high",
    refs=("CIS Debian 12 4.3.10",),
)
def test_loaded_at_boot(
    answers: dict[str, Section],
    units: dict[str, dict[str, str]],
    guard: Chain,
    seen: Seen,
) -> None:
    """A unit that loads rules is enabled, and starts before the network is up."""
    enabled = {line.split()[0] for line in answers["enabled"].lines}
    seen("table", f"{guard.family} {guard.table}")
    loaders = seen("enabled", sorted(enabled & LOADERS))

    assert loaders, "no enabled unit loads the rules"
    early = {
        name: "network-pre.target" in units[name]["Before"].split() for name in loaders
    }
    assert seen("before the network", early), "the rules come too late"
    assert all(early.values()), "the network is up before the rules are"


@pytest.mark.control(
    id="FW-13",
    title="No second firewall is active",
    severity="medium",
    refs=("CIS Debian 12 4.1.1", "CIS Debian 12 4.3.2", "CIS Debian 12 4.3.3"),
)
def test_no_second_firewall(
    units: dict[str, dict[str, str]], answers: dict[str, Section], seen: Seen
) -> None:
    """One place decides: no ufw, no firewalld, no legacy iptables rules."""
    active = [
        name
        for name in ("ufw.service", "firewalld.service")
        if units[name]["ActiveState"] == "active"
    ]
    if "Status: active" in answers["ufw"].text:
        active.append("ufw")
    active += ["legacy iptables" for count in answers["xtables"].lines if int(count)]

    assert [] == seen("active", active)


@pytest.mark.control(
    id="FW-14",
    title="Stopping a unit does not open the host",
    severity="medium",
    refs=("CIS Debian 12 4.3.9",),
)
def test_nftables_service_is_off(units: dict[str, dict[str, str]], seen: Seen) -> None:
    """nftables.service would flush every table, fail2ban's too, when it stops."""
    unit = units["nftables.service"]

    assert "active" != seen("nftables.service", unit["ActiveState"])
    assert "enabled" != unit["UnitFileState"]


@pytest.mark.control(
    id="FW-15",
    title="Nothing unknown listens for the network",
    severity="medium",
    refs=("CIS Debian 12 2.1.22", "Lynis NETW-3012"),
    remedy="stop the service, bind it to 127.0.0.1, or name its port in "
    "`firewall.tcp` or `firewall.udp`",
)
def test_listeners_are_known(
    answers: dict[str, Section], sshd: Sshd, wanted: Wanted, seen: Seen
) -> None:
    """What listens beyond loopback is SSH, DHCP, or named by the settings.

    The filter would shut off the rest; a service that is not there needs no filter.
    """
    public = {one for one in listeners(answers["listeners"].lines) if not one.is_local}
    seen("listening", {str(one) for one in public})
    known = {"tcp": sshd.ports | set(wanted.ports("tcp"))}
    known["udp"] = DHCP | set(wanted.ports("udp"))
    strangers = {str(one) for one in public if one.port not in known[one.protocol]}

    assert set() == strangers


@pytest.mark.control(
    id="FW-16",
    title="Published container ports do not bypass the filter",
    severity="high",
    refs=("Keepgate: container engines",),
)
def test_container_ports(visit: Visit, seen: Seen) -> None:
    """A prerouting chain drops what an engine would let past the input chain."""
    if not visit.answers["engines"].lines:
        not_observed("no container engine runs here")
    early = [
        str(chain)
        for chain in (visit.firewall.chains if visit.firewall else ())
        if chain.hook == "prerouting" and chain.priority < -100
    ]

    assert seen("prerouting", early), "nothing stands before the engine's own rules"
