"""The topic `firewall`: one own table that drops what is not admitted."""

from __future__ import annotations

from deploys.common.topic import Topic
from deploys.firewall.facts import FirewallFact
from deploys.firewall.plan import plan

TOPIC = Topic(
    name="firewall",
    title="Firewall",
    fact=FirewallFact,
    plan=plan,
    packages=lambda _: ("nftables",),
)
