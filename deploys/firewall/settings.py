"""Settings of the topic `firewall`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from deploys.common.model import Model
from deploys.common.networks import Network
from deploys.firewall.ports import Port


class Protocol(StrEnum):
    """A transport with ports."""

    TCP = "tcp"
    UDP = "udp"


class FirewallRule(Model):
    """A port that only some networks reach."""

    port: Port = Field(description="Port, or range like `8000-8010`.")
    protocol: Protocol = Field(default=Protocol.TCP, description="Its protocol.")
    networks: tuple[Network, ...] = Field(
        min_length=1, description="Networks (CIDR) that reach it; nobody else does."
    )


class FirewallSettings(Model):
    """The packet filter.

    What comes in is dropped unless it is named here; SSH is always admitted, on
    the port that the host's server really listens on. What goes out is free.
    """

    tcp: tuple[Port, ...] = Field(
        default=(),
        description="TCP ports open to everybody, beside SSH's. Ports that containers "
        "publish are closed unless they stand here or in `rules`.",
    )
    udp: tuple[Port, ...] = Field(
        default=(), description="UDP ports open to everybody."
    )
    rules: tuple[FirewallRule, ...] = Field(
        default=(), description="Ports open to some networks only."
    )
    ssh_networks: tuple[Network, ...] = Field(
        default=(),
        description="Networks that reach SSH beside `operator.networks`, which must "
        "not be empty then. Without `operator.networks` SSH is open to all.",
    )
    forward: bool = Field(
        default=False,
        description="Whether the host may pass packets on between networks (a router, "
        "a VPN). Where a container engine is found it may anyway.",
    )
    ping: bool = Field(
        default=True, description="Whether the host answers pings, up to a rate."
    )
    log: bool = Field(
        default=True,
        description="Whether some of what is dropped is logged (10 a minute at most).",
    )
