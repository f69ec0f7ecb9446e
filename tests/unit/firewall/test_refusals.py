"""Why a host's packet filter is not touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploys.common.changes import Directory, FileState, Foreign
from deploys.firewall.facts import FirewallHost
from deploys.firewall.kernel import Closed, Kernel
from deploys.firewall.places import RULES
from deploys.firewall.refusals import refusals
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
INPUT = Kernel(closed=(Closed("ip filter", "INPUT"),))
STRANGER = "table inet keepgate {\n}\n"


@pytest.mark.parametrize(
    ("seen", "code", "fix"),
    [
        ({"ufw": True}, "firewall-ufw", "ufw disable"),
        ({"firewalld": True}, "firewall-firewalld", "disable --now firewalld"),
        ({"shutting": (":INPUT DROP [0:0]",)}, "firewall-legacy", "-P INPUT ACCEPT"),
        ({"kernel": INPUT}, "firewall-foreign-chain", "nft list table ip filter"),
        ({"live": STRANGER}, "firewall-foreign-table", "nft delete table inet keep"),
        ({"complaint": "not supported"}, "firewall-unsupported", "nf_tables"),
        ({"ports": ()}, "firewall-no-ssh", "sshd -T"),
        (
            {"files": {RULES: Foreign("symbolic link")}},
            "firewall-foreign-path",
            "move it away",
        ),
        ({"files": {RULES: Directory()}}, "firewall-foreign-path", "move it away"),
    ],
)
def test_host_is_refused_with_a_remedy(
    stock: FirewallHost,
    settings: MakeSettings,
    seen: dict[str, Any],
    code: str,
    fix: str,
) -> None:
    """Each reason has a name and says what to do."""
    (found,) = refusals(settings(), replace(stock, **seen))

    assert code == found.code
    assert fix in found.fix


@pytest.mark.parametrize(
    "seen",
    [
        {},
        {"live": 'table inet keepgate {\n\tcomment "Keepgate"\n}\n'},
        {"live": STRANGER, "files": {RULES: FileState(b"")}},
        {"kernel": Kernel(closed=(Closed("inet keepgate", "input"),))},
        {"engines": ("docker",), "forwards": True},
    ],
)
def test_host_is_taken(
    stock: FirewallHost, settings: MakeSettings, seen: dict[str, Any]
) -> None:
    """A host without a firewall, with ours, or with containers is no trouble."""
    assert () == refusals(settings(), replace(stock, **seen))


def test_rules_of_another_firewall_are_not_counted_twice(
    stock: FirewallHost, settings: MakeSettings
) -> None:
    """Who has ufw is told of ufw, not of the chains that ufw made."""
    found = refusals(settings(), replace(stock, ufw=True, kernel=INPUT))

    assert ["firewall-ufw"] == [refusal.code for refusal in found]


def test_further_networks_need_the_operators(
    stock: FirewallHost, settings: MakeSettings
) -> None:
    """A restriction that would restrict nobody is no restriction."""
    found = refusals(settings(ssh_networks=("192.0.2.0/24",)), stock)

    assert ["firewall-ssh-networks"] == [refusal.code for refusal in found]
