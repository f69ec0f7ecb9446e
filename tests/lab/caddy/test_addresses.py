"""Who may come by address: `allow_from` and `proxied_by`, asked from two addresses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keepgate.inventory import home
from keepgate.lab.attacker import attacker
from tests.lab.caddy.hosts import served
from tests.lab.caddy.test_topic import told
from tests.lab.commands.conftest import OPERATOR
from tests.unit.caddy.client import Answer
from tests.unit.caddy.test_gate import OPEN, SITES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.lab.caddy.hosts import Served

pytestmark = pytest.mark.lab

_COMER = Path(__file__).with_name("comer.py")
_PROJECT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("version", [4, 6])
CLIENT = "203.0.113.9"
"""Somebody whom nobody but the proxy sees."""

PROXIED = "proxied.kg.test"
NARROW = "narrow.kg.test"
ALLOWED = "allowed.kg.test"


@cache
def _ours(address: str) -> str:
    """Return the address that *address* sees us at."""
    command = ["ip", "-o", "route", "get", address]
    words = subprocess.check_output(command, text=True).split()
    return words[words.index("src") + 1]


def _open(host: str, **settings: Any) -> dict[str, Any]:
    return {**SITES[1], "host": host, **settings}


def _ask(
    who: Served, host: str, *headers: str, version: int, prefix: Sequence[str] = ()
) -> Answer:
    """Ask for *host* from here, or from where *prefix* leads; status 0 for silence."""
    address = who.host.address4 if version == 4 else who.host.address6
    done = subprocess.run(
        [
            *(*prefix, sys.executable, str(_COMER)),
            *(str(who.authority), address, host, *headers),
        ],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(_PROJECT)},
    )
    assert 0 == done.returncode, done.stderr.decode()
    found = json.loads(done.stdout)
    return Answer(found["status"], {}, found["body"].encode())


@BOTH
def test_only_allowed_networks_come_in(either: Served, version: int) -> None:
    """By the address of the connection, whatever it claims; other sites go on."""
    foreign = attacker()
    networks = [_ours(either.host.address4), _ours(either.host.address6)]
    sites = (*SITES, _open(ALLOWED, allow_from=networks))
    claims = ("X-Forwarded-For", networks[0], "Forwarded", f"for={networks[0]}")
    try:
        either.apply(sites=sites)
        us = _ask(either, ALLOWED, version=version)
        them = _ask(either, ALLOWED, *claims, version=version, prefix=foreign.prefix)
        elsewhere = _ask(either, OPEN, version=version, prefix=foreign.prefix)
    finally:
        either.apply()

    assert us.is_apps
    assert 403 == them.status
    assert b"" == them.body
    assert elsewhere.is_apps


def test_a_version_that_cannot_tell_a_proxys_word_is_refused(either: Served) -> None:
    """Debian's own; nothing is changed."""
    before = either.configuration()
    done = either.run(
        "apply", sites=(*SITES, _open(PROXIED, proxied_by=["10.0.0.0/8"]))
    )

    assert 1 == done.code, done.out
    assert "cannot tell a proxy's word" in told(done)
    assert before == either.configuration()


def _bring(who: Served) -> None:
    """Put the current Caddy of the locked environment in the place of Debian's."""
    program = Path(sysconfig.get_path("scripts")) / "caddy"
    with program.open("rb") as binary:
        subprocess.run(
            [
                *("ssh", "-F", "/dev/null", "-i", str(who.host.key)),
                *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
                *("-o", f"UserKnownHostsFile={home() / 'lab/known_hosts'}"),
                f"{OPERATOR}@{who.host.address4}",
                "sudo sh -c 'cat >/usr/bin/caddy.current'",
            ],
            stdin=binary,
            check=True,
            timeout=120,
        )
    # As dpkg does: what runs is the old one still, until somebody restarts it.
    text = "chmod 0755 /usr/bin/caddy.current && mv /usr/bin/caddy.current"
    who.sh(f"{text} /usr/bin/caddy")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A host with a current Caddy, behind a proxy that has our addresses."""
    with served(tmp_path_factory.mktemp("proxied")) as made:
        _bring(made)
        made.start_stub("agent")
        yield made


def _behind(who: Served) -> dict[str, Any]:
    proxies = [_ours(who.host.address4), _ours(who.host.address6)]
    return {"proxied_by": proxies}


@pytest.mark.xdist_group("caddy-proxied")
def test_the_clients_address_is_the_proxys_word(proxied: Served) -> None:
    """The last that the proxy adds counts, not what the client claims before it."""
    behind = _behind(proxied)
    narrow = _open(NARROW, **behind, allow_from=["203.0.113.0/24"])
    proxied.apply(sites=(*SITES, _open(PROXIED, **behind), narrow))
    again = proxied.apply(sites=(*SITES, _open(PROXIED, **behind), narrow))

    assert 0 == again.only["changes"], told(again)
    for version in (4, 6):
        claimed = ("X-Forwarded-For", f"198.51.100.1, {CLIENT}")
        known = _ask(proxied, PROXIED, *claimed, version=version)
        assert known.is_apps
        assert [CLIENT] == known.every("X-Forwarded-For")
        assert _ask(proxied, NARROW, *claimed, version=version).is_apps
        swapped = ("X-Forwarded-For", f"{CLIENT}, 198.51.100.1")
        assert 403 == _ask(proxied, NARROW, *swapped, version=version).status


@pytest.mark.xdist_group("caddy-proxied")
def test_nobody_comes_around_the_proxy(proxied: Served) -> None:
    """Who is no proxy is refused, and is believed nothing at other sites."""
    foreign = attacker()
    proxied.apply(sites=(*SITES, _open(PROXIED, **_behind(proxied))))
    claimed = ("X-Forwarded-For", CLIENT)
    for version, address in ((4, foreign.address4), (6, foreign.address6)):
        asked: dict[str, Any] = {"version": version, "prefix": foreign.prefix}
        around = _ask(proxied, PROXIED, *claimed, **asked)
        direct = _ask(proxied, OPEN, *claimed, **asked)

        assert 403 == around.status
        assert b"" == around.body
        assert [address] == direct.every("X-Forwarded-For")


@pytest.mark.xdist_group("caddy-proxied")
def test_a_host_of_proxied_sites_alone_is_shut_to_others(proxied: Served) -> None:
    """By the packet filter, before the web server hears of it."""
    foreign = attacker()
    site = _open(PROXIED, **_behind(proxied))
    proxied.apply(sites=(site,), caddy={"login": None})
    for version in (4, 6):
        there = _ask(proxied, PROXIED, version=version)
        silent = _ask(proxied, PROXIED, version=version, prefix=foreign.prefix)

        assert there.is_apps
        assert 0 == silent.status
