"""What a host's answers mean, as real hosts give them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping

import pytest

from deploys.caddy.facts import CaddyFact, CaddyHost, Listener
from deploys.common.batch import Output
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
ADDRESSES = [
    {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}]},
    {"ifname": "eth0", "addr_info": [{"local": "192.0.2.7"}, {"local": "2001:db8::7"}]},
]
LISTENERS = """\
tcp LISTEN 0      128            *:80         *:* users:(("caddy",pid=3888,fd=13))
tcp LISTEN 0      5        0.0.0.0:443   0.0.0.0:* users:(("nginx",pid=7,fd=6))
udp UNCONN 0      0           [::]:443      [::]:*
"""
CONFIGURATIONS = {"running": "a", "written": "b", "unit": "c", "gone": True}


def _observed(settings: Settings, changed: Mapping[str, Output]) -> CaddyHost:
    fact = CaddyFact()
    fact.command(settings)
    failed = dict.fromkeys(fact.sections(), Output(1, b""))
    return fact.interpret({**failed, **changed})


def _said(text: str) -> Output:
    return Output(0, text.encode())


def test_a_host_without_caddy_is_a_bare_one(make_settings: MakeSettings) -> None:
    """Every command fails there, and that is an answer."""
    found = _observed(make_settings({}), {})

    assert ((), False, False, "") == (
        found.version,
        found.enabled,
        found.active,
        found.running,
    )
    assert frozenset() == found.answering


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.6.2\n", (2, 6, 2)),
        ("v2.11.7 h1:yj0Y4fYZGPkSvibBJ1sTWE33xC0fxztVyXEW5iIdUT4=\n", (2, 11, 7)),
        ("(devel)\n", ()),
    ],
)
def test_versions_are_read(
    make_settings: MakeSettings, text: str, version: tuple[int, ...]
) -> None:
    """Debian's, upstream's; of another nothing is promised."""
    found = _observed(make_settings({}), {"version": _said(text)})

    assert version == found.version


def test_answers_become_a_host(make_settings: MakeSettings) -> None:
    """One of each kind."""
    settings = make_settings({})
    found = _observed(
        settings,
        {
            "unit": _said("ActiveState=active\nNeedDaemonReload=yes\n"),
            "enabled": _said(""),
            "configurations": _said(json.dumps(CONFIGURATIONS)),
            "buffers": _said("4194304\n212992\n"),
            "listeners": _said(LISTENERS),
            "addresses": _said(json.dumps(ADDRESSES)),
            "name:app.example.com": _said("192.0.2.7\n2001:db8::7\n"),
            "upstream:0": _said(""),
        },
    )

    assert found.enabled
    assert found.active
    assert found.reload
    assert ("a", "b", "c", True) == (
        found.running,
        found.written,
        found.unit,
        found.outdated,
    )
    assert 212_992 == found.buffers
    assert (
        Listener("tcp", 80, "caddy"),
        Listener("tcp", 443, "nginx"),
        Listener("udp", 443, ""),
    ) == found.listeners
    assert ipaddress.ip_address("2001:db8::7") in found.addresses
    assert ("192.0.2.7", "2001:db8::7") == found.names["app.example.com"]
    assert {settings.sites[0].place} == found.answering
