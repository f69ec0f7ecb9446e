"""The rules that settings come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploys.firewall import rules
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
Chain = Callable[..., list[str]]


@pytest.fixture
def chain(settings: MakeSettings) -> Chain:
    """Return the lines of one chain for the settings given."""

    def lines(
        name: str,
        *,
        ssh_ports: tuple[int, ...] = (22,),
        engines: tuple[str, ...] = (),
        **given: Any,
    ) -> list[str]:
        made = rules.text(settings(**given), ssh_ports=ssh_ports, engines=engines)
        _, found, rest = made.decode().partition(f"\tchain {name} {{\n")
        body = rest.partition("\n\t}\n")[0] if found else ""
        return [line.strip() for line in body.splitlines()]

    return lines


def test_the_old_table_goes_in_the_same_transaction(settings: MakeSettings) -> None:
    """`add` makes `delete` safe where there is none; Debian 12 has no `destroy`."""
    text = rules.text(settings(), ssh_ports=(22,), engines=()).decode()

    commands = [line for line in text.splitlines() if line[:1].isalpha()]
    assert [
        "add table inet keepgate",
        "delete table inet keepgate",
        "table inet keepgate {",
    ] == commands
    assert "flush" not in text


def test_what_is_not_named_is_dropped(chain: Chain) -> None:
    """The chain for incoming packets drops, and admits answers first."""
    first, second, third, *_ = chain("input")

    assert "type filter hook input priority filter; policy drop;" == first
    assert "ct state established,related accept" == second
    assert "ct state invalid drop" == third


def test_ssh_is_open_to_all_on_the_ports_it_has(chain: Chain) -> None:
    """Nobody's address is named, least of all the one we come from."""
    lines = chain("input", ssh_ports=(22, 2222))

    assert "tcp dport { 22, 2222 } accept" in lines
    assert lines.index("tcp dport { 22, 2222 } jump ssh_rate") < lines.index(
        "tcp dport { 22, 2222 } accept"
    )


def test_operators_networks_are_the_only_ones(chain: Chain) -> None:
    """With networks named, no rule admits SSH from elsewhere."""
    lines = chain("input", networks=("192.0.2.0/24", "2001:db8::/32"))

    assert [
        "ip saddr { 192.0.2.0/24 } tcp dport { 22 } accept",
        "ip6 saddr { 2001:db8::/32 } tcp dport { 22 } accept",
    ] == [line for line in lines if "22" in line and line.endswith("accept")]


def test_further_networks_reach_ssh_and_are_limited(chain: Chain) -> None:
    """Who is not the operator is let in, but not spared."""
    given = {"networks": ("192.0.2.0/24",), "ssh_networks": ("198.51.100.0/24",)}

    assert (
        "ip saddr { 192.0.2.0/24, 198.51.100.0/24 } tcp dport { 22 } accept"
        in chain("input", **given)
    )
    spared = [line for line in chain("ssh_rate", **given) if line.endswith("return")]
    assert ["ip saddr { 192.0.2.0/24 } return"] == spared


def test_networks_within_others_are_left_out(chain: Chain) -> None:
    """Overlapping networks in one set are refused by nft."""
    lines = chain("input", networks=("10.0.0.0/8", "10.1.0.0/16", "10.0.0.1"))

    assert "ip saddr { 10.0.0.0/8 } tcp dport { 22 } accept" in lines


def test_services_are_what_the_settings_open(chain: Chain) -> None:
    """Ports for all, and ports for some, by family."""
    rule = {"port": 5432, "networks": ("10.0.0.0/8", "fd00::/8")}

    lines = chain("services", tcp=(443, 80, "8000-8010"), udp=(51820,), rules=(rule,))

    assert [
        "tcp dport { 80, 443, 8000-8010 } accept",
        "udp dport { 51820 } accept",
        "ip saddr { 10.0.0.0/8 } tcp dport 5432 accept",
        "ip6 saddr { fd00::/8 } tcp dport 5432 accept",
    ] == lines


@pytest.mark.parametrize(
    ("engines", "forward", "chains"),
    [
        ((), False, ["forward"]),
        ((), True, ["published"]),
        (("docker",), False, ["published"]),
    ],
)
def test_a_host_forwards_or_watches_redirections(
    chain: Chain, *, engines: tuple[str, ...], forward: bool, chains: list[str]
) -> None:
    """Where packets may pass, redirected ones meet a chain before redirection."""
    found = [
        name
        for name in ("forward", "published")
        if chain(name, engines=engines, forward=forward)
    ]

    assert chains == found


def test_redirected_ports_meet_the_same_services(chain: Chain) -> None:
    """What the settings open is open there too, SSH included; the rest is new."""
    lines = chain("published", engines=("docker",), tcp=(8080,))

    assert "type filter hook prerouting priority -150; policy accept;" == lines[0]
    assert lines.index("fib daddr type != local accept") < lines.index("jump services")
    assert "tcp dport { 22 } accept" in lines
    assert lines[-1].endswith("ct state new drop")


def test_guests_of_an_engine_may_ask_for_names(chain: Chain) -> None:
    """Virtual machines get address and names from the host that runs them."""
    assert 'iifname "virbr*" jump guests' in chain("input", engines=("libvirt",))
    assert "udp dport 67 accept" in chain("guests", engines=("libvirt",))
    assert [] == chain("guests", engines=("docker",))


@pytest.mark.parametrize("wish", [True, False])
def test_pings_are_answered_as_wished(chain: Chain, *, wish: bool) -> None:
    """Errors and neighbour discovery go on either way."""
    lines = chain("control", ping=wish)

    assert wish == any("echo-request" in line for line in lines)
    assert any("packet-too-big" in line for line in lines)
    assert any("nd-neighbor-solicit" in line for line in lines)


@pytest.mark.parametrize("wish", [True, False])
def test_drops_are_logged_as_wished(chain: Chain, *, wish: bool) -> None:
    """A few a minute, so that a flood does not fill the disk."""
    logged = [line for line in chain("input", log=wish) if " log " in line]

    assert wish == bool(logged)
    assert all("limit rate" in line for line in logged)
