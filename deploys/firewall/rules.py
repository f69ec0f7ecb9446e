"""From settings and observed ports to the text that `nft -f` loads."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploys.caddy.ports import doors
from deploys.common.templates import render
from deploys.firewall.places import MARK, TABLE
from deploys.firewall.ports import canonical, merged
from deploys.firewall.settings import FirewallRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deploys.caddy.ports import Doors
    from deploys.common.networks import IPNetwork
    from deploys.settings import Settings

RATE: Final = 20
BURST: Final = 40
"""New SSH connections from one address: so many at once, then so many a minute.

A whole `apply` opens ten, `verify` twelve more to either family, so that both may
be repeated within a minute. If it is ever too much, a client that waits gets in
within one of the proof's attempts: dropped packets cost nothing, a connection is
admitted every three seconds, and TCP asks again after 1, 3 and 7. A flood of key
exchanges needs ten times that rate to hurt.
"""

GUESTS: Final = {
    "podman": ("podman*", "cni-podman*"),
    "libvirt": ("virbr*",),
    "lxd": ("lxdbr*",),
    "incus": ("incusbr*",),
}
"""Bridges whose guests get names and addresses from the host itself."""


@dataclass(frozen=True)
class _Restricted:
    family: str
    networks: str
    protocol: str
    port: int | str


def forwards(settings: Settings, engines: tuple[str, ...]) -> bool:
    """Whether packets may pass through the host."""
    return settings.firewall.forward or bool(engines)


def text(
    settings: Settings, *, ssh_ports: tuple[int, ...], engines: tuple[str, ...]
) -> bytes:
    """Return the rules that *settings* ask for, on a host as described."""
    wanted = settings.firewall
    operator = settings.operator.networks
    admitted = (*operator, *wanted.ssh_networks) if operator else ()
    sites = doors(settings)
    everybody = not sites.networks
    opened = (
        ("tcp", (*wanted.tcp, *(sites.tcp if everybody else ()))),
        ("udp", (*wanted.udp, *(sites.udp if everybody else ()))),
    )
    return render(
        "firewall/firewall.nft.j2",
        table=TABLE,
        mark=MARK,
        ssh_ports=", ".join(merged(ssh_ports)),
        ssh4=_networks(admitted, "ip"),
        ssh6=_networks(admitted, "ip6"),
        operator4=_networks(operator, "ip"),
        operator6=_networks(operator, "ip6"),
        rate=RATE,
        burst=BURST,
        open=[(name, ", ".join(merged(ports))) for name, ports in opened if ports],
        rules=[
            one
            for rule in (*wanted.rules, *_proxied(sites))
            for one in _restricted(rule)
        ],
        ping=wanted.ping,
        log=wanted.log,
        forward=forwards(settings, engines),
        guests=[name for engine in engines for name in GUESTS.get(engine, ())],
    )


def _networks(networks: Iterable[str], family: str) -> str:
    """Return those of `ip` or `ip6`, none of them within another: nft refuses that."""
    parsed = [ipaddress.ip_network(network) for network in networks]
    found: Iterable[IPNetwork]
    if family == "ip":
        four = (one for one in parsed if isinstance(one, ipaddress.IPv4Network))
        found = ipaddress.collapse_addresses(four)
    else:
        six = (one for one in parsed if isinstance(one, ipaddress.IPv6Network))
        found = ipaddress.collapse_addresses(six)
    return ", ".join(map(str, found))


def _proxied(sites: Doors) -> Iterator[FirewallRule]:
    """Give the ports of the sites that only proxies reach."""
    if sites.networks:
        for port in sites.tcp:
            yield FirewallRule(port=port, networks=sites.networks)


def _restricted(rule: FirewallRule) -> Iterator[_Restricted]:
    for family in ("ip", "ip6"):
        networks = _networks(rule.networks, family)
        if networks:
            yield _Restricted(
                family, networks, rule.protocol.value, canonical(rule.port)
            )
