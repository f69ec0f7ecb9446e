"""The generated configuration as a text: right for both versions, and for each site."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploys.caddy.caddyfile import text
from deploys.settings import Settings
from tests.unit.caddy.running import CADDIES, binary

MakeSettings = Callable[..., Settings]
PUBLIC: dict[str, Any] = {"preset": "none", "public": ["/"]}
EVERYTHING: tuple[dict[str, Any], ...] = (
    {"headers": {"X-Own": 'a "b"', "X-Frame-Options": "DENY"}, "hsts": "year"},
    {"host": "b.example.com", "tls": "internal", "allow_from": ["192.0.2.0/24"]},
    {"host": "c.example.com", "upstream": "unix:/run/c/c.sock", "preflights": True},
    {"host": "d.example.com", "upstream": "/srv/www", "hsts": "off"},
    {"host": "localhost", "tls": "off", "port": 8080, **PUBLIC},
)
PROXIED: dict[str, Any] = {"host": "p.example.com", "proxied_by": "cloudflare"}


def _written(settings: Settings, version: tuple[int, ...]) -> str:
    return text(settings, version).decode()


def _block(written: str, host: str) -> str:
    return written.split(f"\n{host} {{\n", 1)[1].split("\n}\n", 1)[0]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "version"),
    [("debian", (2, 6, 2)), ("current", (2, 6, 2)), ("current", CADDIES["current"])],
)
def test_it_is_formatted_and_understood(
    name: str, version: tuple[int, ...], make_settings: MakeSettings, tmp_path: Path
) -> None:
    """What is written for an older Caddy is right for a newer one, too."""
    proxied = () if version < (2, 8) else (PROXIED,)
    settings = make_settings(*EVERYTHING, *proxied)
    path = tmp_path / "Caddyfile"
    path.write_bytes(text(settings, version))
    formatted = _run(binary(name), "fmt", str(path))
    adapted = _run(binary(name), "adapt", "--config", str(path))

    assert path.read_text() == formatted.stdout
    assert 0 == adapted.returncode, adapted.stderr


def test_the_gate_stands_in_its_order(make_settings: MakeSettings) -> None:
    """Strip what the client says, ask the agent, take the cookie away, then the app."""
    site = _block(_written(make_settings({}), (2, 6, 2)), "app.example.com")
    steps = [
        "import strip",
        "forward_auth unix//run/auth-agent/gate/agent.sock",
        "request_header Cookie",
        "reverse_proxy 127.0.0.1:8000",
    ]

    assert sorted(steps, key=site.index) == steps


def test_a_public_site_asks_nobody(make_settings: MakeSettings) -> None:
    """Yet claims of identity do not reach its app either."""
    site = _block(_written(make_settings(PUBLIC), (2, 6, 2)), "app.example.com")

    assert "agent.sock" not in site
    assert "import strip" in site


@pytest.mark.parametrize(
    "site",
    [
        {"public": ["/"]},
        {"public": ["/"], "preset": "none", "rules": {"a.b": [["*", "/admin"]]}},
        {"public": ["/static"], "preset": "none"},
    ],
)
def test_a_site_that_is_not_all_public_is_guarded(
    make_settings: MakeSettings, site: dict[str, Any]
) -> None:
    """Caddy knows no path lists: the agent judges every request of such a site."""
    block = _block(_written(make_settings(site), (2, 6, 2)), "app.example.com")

    assert "forward_auth" in block


def test_old_versions_get_nothing_that_they_do_not_know(
    make_settings: MakeSettings,
) -> None:
    """An unknown version is taken for the oldest."""
    settings = make_settings({})

    assert "stream_timeout" in _written(settings, (2, 7, 0))
    for version in ((), (2, 6, 2)):
        assert "stream_timeout" not in _written(settings, version)


def test_a_proxys_word_is_taken_from_its_networks_only(
    make_settings: MakeSettings,
) -> None:
    """Whoever comes around the proxy is refused."""
    written = _written(make_settings({}, PROXIED), (2, 11, 7))

    assert "trusted_proxies_strict" in written
    assert "client_ip_headers Cf-Connecting-Ip" in written
    assert "@around not remote_ip 173.245.48.0/20" in _block(written, "p.example.com")
    assert "{client_ip}" in _block(written, "p.example.com")
    assert "{client_ip}" not in _block(written, "app.example.com")


def test_own_headers_replace_the_defaults(make_settings: MakeSettings) -> None:
    """One header, one value."""
    site = {"headers": {"X-Frame-Options": "DENY"}}
    block = _block(_written(make_settings(site), (2, 6, 2)), "app.example.com")
    first = block.split("handle_errors", maxsplit=1)[0]

    assert 'X-Frame-Options "DENY"' in first
    assert "?X-Frame-Options" not in first


def test_an_own_authority_is_asked(make_settings: MakeSettings) -> None:
    """In place of the public ones."""
    acme = {"directory": "https://ca.lan/dir", "root": "/etc/ssl/ca.pem"}
    written = _written(make_settings({}, acme=acme), (2, 6, 2))

    assert "acme_ca https://ca.lan/dir\n\tacme_ca_root /etc/ssl/ca.pem" in written


def test_login_pages_at_a_site_need_no_block_of_their_own(
    make_settings: MakeSettings,
) -> None:
    """They stand below the path that the agent has at every site."""
    settings = make_settings({}, login={"host": "app.example.com"})

    assert 1 == _written(settings, (2, 6, 2)).count("\napp.example.com {")


def test_a_site_has_the_gates_word_signed_if_it_asks(
    make_settings: MakeSettings,
) -> None:
    """That site alone: to another its signature is worth nothing."""
    written = _written(
        make_settings({"assertion": True}, {"host": "b.example.com"}), (2, 6, 2)
    )

    assert "Remote-Session Remote-Assertion\n" in _block(written, "app.example.com")
    assert "Remote-Assertion" not in _block(written, "b.example.com")
