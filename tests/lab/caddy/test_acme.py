"""Certificates of a real ACME server: had, kept, renewed, and not to be had."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.caddy.authority import authority, own_address
from tests.lab.caddy.hosts import SOON
from tests.lab.caddy.revocation import responder, revoke
from tests.lab.caddy.test_topic import told
from tests.lab.waiting import eventually
from tests.unit.caddy.client import Visitor
from tests.unit.caddy.test_gate import OPEN, SITES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.caddy.authority import Authority
    from tests.lab.caddy.hosts import Served

pytestmark = pytest.mark.lab

RETRY = 180
"""Seconds, more than Caddy's first pause (one minute) after a failed renewal."""


@pytest.fixture
def issuer(either: Served, tmp_path: Path) -> Iterator[Authority]:
    """An authority of its own for each test; the host's sites are put back."""
    with authority(either, tmp_path) as found:
        try:
            yield found
        finally:
            either.apply()


@pytest.fixture
def name() -> str:
    """A name for which nobody has a certificate yet."""
    return f"acme-{secrets.token_hex(4)}.kg.test"


def _with(name: str) -> tuple[dict[str, Any], ...]:
    return (*SITES, {**SITES[1], "host": name, "tls": "acme"})


def _is_apps(issuer: Authority, name: str) -> bool:
    address = issuer.served.host.address4
    return Visitor(address, 443, issuer.trusting, seen_as="").get(name).is_apps


def test_a_certificate_is_had_and_kept(issuer: Authority, name: str) -> None:
    """Of the authority that is named; a site that comes back does not ask again."""
    served = issuer.served
    settings: dict[str, Any] = {"sites": _with(name), "caddy": issuer.settings}
    served.apply(**settings)
    first = issuer.certificate(name)
    again = served.apply(**settings)

    assert _is_apps(issuer, name)
    assert "Pebble Intermediate CA" in first.issuer.rfc4514_string()
    assert 0 == again.only["changes"], told(again)

    served.apply()
    with issuer.cut_off():
        served.apply(**settings)
        assert first == issuer.certificate(name)


def test_the_controls_trust_the_authority_that_is_named(
    issuer: Authority, name: str
) -> None:
    """`verify` finds the site in order, by the roots that the host has of it."""
    served = issuer.served
    settings: dict[str, Any] = {"sites": _with(name), "caddy": issuer.settings}
    served.apply(**settings)
    done = served.run("verify", topics=("caddy",), **settings)
    after = done.only["after"]

    assert after is not None, done.out
    found = {one["id"]: one["outcome"] for one in after["findings"]}
    assert {"passed"} == set(found.values()), after["findings"]


def test_without_the_authority_nothing_is_changed(issuer: Authority, name: str) -> None:
    """What was served is served on, it is told why, and the next try succeeds."""
    served = issuer.served
    settings: dict[str, Any] = {"sites": _with(name), "caddy": issuer.settings}
    before = served.configuration()
    with issuer.cut_off():
        done = served.run("apply", confirm=SOON, **settings)

        assert 3 == done.code, done.out
        assert name in told(done)
        assert "connection refused" in told(done)
        assert before == served.configuration()
        assert served.visitor().get(OPEN).is_apps

    served.apply(**settings)

    assert _is_apps(issuer, name)


def test_a_certificate_is_renewed(issuer: Authority, name: str) -> None:
    """Once less than a third of its life is left, without anybody's doing."""
    served = issuer.served
    served.apply(sites=_with(name), caddy=issuer.settings)
    old = issuer.age(name)
    served.sh("systemctl restart caddy")

    eventually(lambda: old != issuer.certificate(name), "another certificate")

    new = issuer.certificate(name)
    assert new.not_valid_after_utc > old.not_valid_after_utc
    assert _is_apps(issuer, name)


def test_an_old_certificate_serves_until_it_is_renewed(
    issuer: Authority, name: str
) -> None:
    """While the authority is down; once it is back, Caddy has tried anew by itself."""
    served = issuer.served
    served.apply(sites=_with(name), caddy=issuer.settings)
    old = issuer.age(name)
    tried = f"journalctl -u caddy -o cat | grep 'tls.renew.*will retry.*{name}'"
    with issuer.cut_off():
        served.sh("systemctl restart caddy")
        eventually(lambda: served.sh(tried, check=False), "it has tried")

        assert old == issuer.certificate(name)
        assert _is_apps(issuer, name)

    eventually(
        lambda: old != issuer.certificate(name), "another certificate", seconds=RETRY
    )
    assert _is_apps(issuer, name)


@pytest.mark.xdist_group("caddy-trixie")
def test_a_revoked_certificate_is_replaced(
    trixie: Served, tmp_path: Path, name: str
) -> None:
    """With a key of its own, without anybody's doing, at Caddy's next look at it.

    Which is once an hour, and when it starts.
    """
    trixie.start_stub("agent")
    here = own_address(trixie.host.address4)
    with (
        responder(here) as telling,
        authority(trixie, tmp_path, responder=telling.url) as issuer,
    ):
        telling.authority = issuer
        try:
            trixie.apply(sites=_with(name), caddy=issuer.settings)
            old = issuer.certificate(name)
            key = trixie.sh(f"cat /var/lib/caddy/.local/share/caddy/*/*/{name}/*.key")
            revoke(issuer, old, key.encode())
            trixie.sh("systemctl restart caddy")

            eventually(lambda: old != issuer.certificate(name), "another certificate")

            assert old.public_key() != issuer.certificate(name).public_key()
            assert _is_apps(issuer, name)
        finally:
            trixie.apply()
