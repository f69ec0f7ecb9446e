"""What the sites need of the packet filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploys.caddy.ports import CLOUDFLARE, Doors, doors
from deploys.firewall import rules
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
OFF: dict[str, Any] = {
    "host": "localhost",
    "tls": "off",
    "port": 8080,
    "preset": "none",
    "public": ["/"],
}
PROXIED: dict[str, Any] = {"proxied_by": "cloudflare"}
SAME_LOGIN: dict[str, Any] = {"login": {"host": "app.example.com"}}


@pytest.mark.parametrize(
    ("sites", "caddy", "expected"),
    [
        ((), {}, Doors()),
        ((OFF,), {"login": None}, Doors()),
        (({},), {}, Doors((80, 443), (443,))),
        (({},), {"http3": False}, Doors((80, 443))),
        ((PROXIED,), {}, Doors((80, 443), (443,))),
        (
            (PROXIED,),
            SAME_LOGIN,
            Doors((80, 443), (), tuple(sorted(CLOUDFLARE))),
        ),
    ],
)
def test_ports_are_open_for_who_may_come(
    make_settings: MakeSettings,
    sites: tuple[dict[str, Any], ...],
    caddy: dict[str, Any],
    expected: Doors,
) -> None:
    """Nothing without sites; proxies alone where all come through them."""
    assert expected == doors(make_settings(*sites, **caddy))


def _rules(settings: Settings) -> str:
    return rules.text(settings, ssh_ports=(22,), engines=()).decode()


def test_the_firewall_opens_them(make_settings: MakeSettings) -> None:
    """They need not stand under `firewall`; without sites the rules are as ever."""
    assert "tcp dport { 80, 443 } accept" in _rules(make_settings({}))
    assert "udp dport 443 accept" in _rules(make_settings({})).replace("{ 443 }", "443")
    assert "443" not in _rules(make_settings())


def test_the_firewall_admits_proxies_alone(make_settings: MakeSettings) -> None:
    """Nobody else sees that there is a web server."""
    written = _rules(make_settings(PROXIED, **SAME_LOGIN))

    assert "dport { 80, 443 }" not in written
    for port in (80, 443):
        lines = [x for x in written.splitlines() if f"dport {port} " in x]
        assert 2 == len(lines)
        assert all("saddr" in line for line in lines)
