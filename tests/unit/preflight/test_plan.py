"""A host that must not be touched is refused, with every reason and its remedy."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.common.changes import Plan
from deploys.preflight import plan as preflight
from deploys.preflight.facts import Armed, Connection, Host, Space
from deploys.settings import Settings

NOW = 1_800_000_000
HERE = ipaddress.ip_address("192.0.2.7")
SOUND = Host(
    login="debian",
    connection=Connection(HERE, 22),
    distribution="debian",
    version="13",
    pretty="Debian GNU/Linux 13 (trixie)",
    state="running",
    failed=(),
    readonly=(),
    space={"/": Space(preflight.ROOM, preflight.INODES)},
    time=NOW,
    armed=None,
    wrapped=True,
    allow="",
    deny="",
    units={"ssh.service": True, "ssh.socket": False},
    listeners=("0.0.0.0:22", "[::]:22"),
    nologin=(),
    engines=(),
)

Make = Callable[..., Settings]


@pytest.fixture
def settings() -> Make:
    """Make settings with the operator's *networks*."""
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def make(*networks: str) -> Settings:
        operator = {"name": "keeper", "keys": (line,), "networks": networks}
        return Settings.model_validate({"operator": operator})

    return make


def but(**changes: Any) -> Host:
    """Return the sound host with some fields changed."""
    return replace(SOUND, **changes)


def codes(made: Plan) -> list[str]:
    """Return the codes of the refusals."""
    return [refusal.code for refusal in made.refusals]


@pytest.mark.parametrize(
    ("distribution", "version"),
    [("debian", "12"), ("debian", "13"), ("ubuntu", "24.04"), ("ubuntu", "26.04")],
)
def test_a_sound_host_is_taken(settings: Make, distribution: str, version: str) -> None:
    """Nothing speaks against it, and the plan changes nothing."""
    seen = but(distribution=distribution, version=version)
    made = preflight.plan(settings(), seen, NOW)

    assert [] == codes(made)
    assert not made


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"distribution": "fedora", "version": "44"}, "distribution"),
        ({"distribution": "debian", "version": "11"}, "distribution"),
        ({"distribution": "", "version": "", "pretty": ""}, "distribution"),
        ({"state": ""}, "no-systemd"),
        ({"state": "offline"}, "no-systemd"),
        ({"state": "maintenance"}, "systemd-state"),
        ({"state": "stopping"}, "systemd-state"),
        ({"state": "degraded", "failed": ("ssh.service",)}, "unit-failed"),
        ({"armed": Armed("ssh", "a@b", 9)}, "armed"),
        ({"readonly": ("/etc",)}, "read-only"),
        ({"space": {"/": Space(preflight.ROOM - 1, None)}}, "disk-full"),
        ({"space": {"/": Space(preflight.ROOM, 3)}}, "disk-full"),
        ({"time": NOW + preflight.WRONG + 1}, "clock"),
        ({"time": NOW - preflight.WRONG - 1}, "clock"),
        ({"nologin": ("/etc/nologin",)}, "nologin"),
        ({"deny": "sshd: ALL\n"}, "hosts-deny"),
    ],
    ids=range(16),
)
def test_each_trouble_has_its_refusal(
    settings: Make, changes: dict[str, object], code: str
) -> None:
    """One trouble, one code, and always a remedy."""
    made = preflight.plan(settings(), but(**changes), NOW)

    assert [code] == codes(made)
    assert all(refusal.fix for refusal in made.refusals)


def test_all_reasons_are_told_at_once(settings: Make) -> None:
    """Nobody has to run again to learn the second reason."""
    seen = but(state="stopping", readonly=("/", "/etc"), deny="ALL: ALL\n")

    made = preflight.plan(settings(), seen, NOW)

    assert ["systemd-state", "read-only", "read-only", "hosts-deny"] == codes(made)


def test_an_operator_network_must_contain_us(settings: Make) -> None:
    """A firewall for other networks would shut us out."""
    assert ["operator-network"] == codes(
        preflight.plan(settings("198.51.100.0/24", "2001:db8::/32"), SOUND, NOW)
    )
    assert [] == codes(preflight.plan(settings("192.0.2.0/24"), SOUND, NOW))


def test_a_mapped_address_lies_in_its_network(settings: Make) -> None:
    """A dual-stack sshd tells IPv4 peers as ::ffff:a.b.c.d."""
    mapped = Connection(ipaddress.ip_address("::ffff:192.0.2.7"), 22)
    seen = but(connection=mapped)

    assert [] == codes(preflight.plan(settings("192.0.2.0/24"), seen, NOW))


def test_wrappers_are_ignored_by_an_sshd_without_them(settings: Make) -> None:
    """A hosts.deny that nobody reads refuses nobody."""
    seen = but(wrapped=False, deny="ALL: ALL\n")

    assert [] == codes(preflight.plan(settings(), seen, NOW))


def test_other_failed_units_are_a_remark(settings: Make) -> None:
    """A degraded host is hardened all the same, and its trouble told."""
    seen = but(state="degraded", failed=("certbot.service",))
    made = preflight.plan(settings(), seen, NOW)

    assert [] == codes(made)
    assert ("units have failed on the host: certbot.service",) == made.notes


def test_a_clock_that_is_a_little_off_is_a_remark(settings: Make) -> None:
    """Two minutes are told, a day is refused."""
    made = preflight.plan(settings(), but(time=NOW + 120), NOW)

    assert [] == codes(made)
    assert ("the host's clock is 120 s ahead of ours",) == made.notes
