"""From what a host says about itself to why it is not touched, and to remarks.

Never a change: the plan holds refusals and notes only.
"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Final

from deploys.common.changes import Plan, Refusal
from deploys.common.networks import contains
from deploys.preflight.wrappers import admits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.common.networks import IPAddress
    from deploys.preflight.facts import Host
    from deploys.settings import Settings

SUPPORTED: Final = {("debian", "12"), ("debian", "13")}
"""Distributions on which every release of Keepgate is proved."""

ACCEPTED: Final = {("ubuntu", "24.04"), ("ubuntu", "26.04")}
"""Distributions that the topics were written for, too, but not proved on."""

ROOM: Final = 16 * 2**20
"""Bytes that must be free where files are written; packages ask for more."""

INODES: Final = 200
"""Inodes that must be free there."""

SKEW: Final = 60
"""Seconds by which clocks may differ without a remark."""

WRONG: Final = 86400
"""Seconds by which they may differ at all: beyond it package signatures fail."""

_HOURS: Final = 7200

_VITAL: Final = (
    "dbus.service",
    "dbus.socket",
    "ssh.service",
    "ssh.socket",
    "systemd-journald.service",
    "systemd-logind.service",
)


def plan(settings: Settings, seen: Host, now: float | None = None) -> Plan:
    """Return why *seen* must not be touched, and what is worth a remark.

    *now* is the controller's time (seconds since 1970), by default its clock's.
    """
    here = time.time() if now is None else now
    return Plan(
        "preflight",
        refusals=(
            *_distribution(seen),
            *_systemd(seen),
            *_armed(seen),
            *_disk(seen),
            *_clock(seen, here),
            *_nologin(seen),
            *_network(settings, seen),
            *_wrappers(settings, seen),
        ),
        notes=tuple(_notes(settings, seen, here)),
    )


def _distribution(seen: Host) -> Iterator[Refusal]:
    if (seen.distribution, seen.version) not in SUPPORTED | ACCEPTED:
        name = seen.pretty or seen.distribution or "a system without /etc/os-release"
        yield Refusal(
            "distribution",
            f"the host runs {name}, which is not supported",
            "use Debian 12 or 13",
        )


def _systemd(seen: Host) -> Iterator[Refusal]:
    if not seen.state or seen.state == "offline":
        yield Refusal(
            "no-systemd",
            "systemd does not run this host",
            "use a machine that was booted by systemd, not a chroot or container "
            "without it",
        )
        return
    if seen.state in ("initializing", "starting", "stopping", "maintenance"):
        yield Refusal(
            "systemd-state",
            f"the host is {seen.state}, not running",
            "see what it waits for (`systemctl list-jobs`), then run again",
        )
    for unit in seen.failed:
        if unit in _VITAL:
            yield Refusal(
                "unit-failed",
                f"{unit} has failed, and Keepgate depends on it",
                f"see `systemctl status {unit}`; mend it, then "
                f"`systemctl reset-failed {unit}`",
            )


def _armed(seen: Host) -> Iterator[Refusal]:
    if seen.armed is not None:
        yield Refusal(
            "armed",
            f"a commit of {seen.armed.topic} by {seen.armed.owner} is armed",
            f"it is undone in {seen.armed.left} s unless it is confirmed; run again "
            "then",
        )


def _disk(seen: Host) -> Iterator[Refusal]:
    for place in seen.readonly:
        yield Refusal(
            "read-only",
            f"{place} cannot be written",
            f"see why (`findmnt -T {place}`, `dmesg`) and remount it",
        )
    for place, space in seen.space.items():
        if space.free < ROOM:
            yield Refusal(
                "disk-full",
                f"{place} has {space.free // 2**20} MiB free",
                f"make room: at least {ROOM // 2**20} MiB (`du -xh -d 1 {place}`)",
            )
        elif space.inodes is not None and space.inodes < INODES:
            yield Refusal(
                "disk-full",
                f"{place} has {space.inodes} inodes free",
                f"make room: at least {INODES} (`du -x --inodes -d 1 {place}`)",
            )


def _clock(seen: Host, here: float) -> Iterator[Refusal]:
    if abs(seen.time - here) > WRONG:
        yield Refusal(
            "clock",
            f"the host's clock is {_skew(seen.time - here)} of ours",
            "set the one that is wrong (`timedatectl`), then run again",
        )


def _skew(seconds: float) -> str:
    amount = abs(seconds)
    text = f"{amount:.0f} s" if amount < _HOURS else f"{amount / 3600:.0f} hours"
    return f"{text} {'ahead' if seconds > 0 else 'behind'}"


def _nologin(seen: Host) -> Iterator[Refusal]:
    for path in seen.nologin:
        yield Refusal(
            "nologin",
            f"{path} exists, so nobody but root can log in",
            f"remove it unless the host is being shut down: `rm {path}`",
        )


def _network(settings: Settings, seen: Host) -> Iterator[Refusal]:
    networks = settings.operator.networks
    if networks and seen.connection and not contains(networks, seen.connection.source):
        yield Refusal(
            "operator-network",
            f"we come from {seen.connection.source}, which is in none of "
            f"operator.networks ({', '.join(networks)})",
            "add the network you come from, as the host sees it, or leave "
            "operator.networks empty",
        )


def _wrappers(settings: Settings, seen: Host) -> Iterator[Refusal]:
    if not seen.wrapped:
        return
    for address in _addresses(settings, seen):
        if admits(seen.allow, seen.deny, address) is False:
            yield Refusal(
                "hosts-deny",
                f"TCP wrappers refuse SSH from {address}",
                "add `sshd: ALL` to /etc/hosts.allow, or take the rule out of "
                "/etc/hosts.deny: the packet filter does that work",
            )


def _addresses(settings: Settings, seen: Host) -> tuple[IPAddress, ...]:
    """Return addresses from which the operator must get in."""
    found: list[IPAddress] = [seen.connection.source] if seen.connection else []
    for text in settings.operator.networks:
        network = ipaddress.ip_network(text)
        found += [network.network_address, network.broadcast_address]
    return tuple(dict.fromkeys(found))


def _notes(settings: Settings, seen: Host, here: float) -> Iterator[str]:
    if (seen.distribution, seen.version) in ACCEPTED:
        yield f"{seen.pretty}: written for, not proved here"
    if seen.state == "degraded":
        others = [unit for unit in seen.failed if unit not in _VITAL]
        yield f"units have failed on the host: {', '.join(others) or 'unknown'}"
    if SKEW < abs(seen.time - here) <= WRONG:
        yield f"the host's clock is {_skew(seen.time - here)} of ours"
    if seen.engines:
        yield (
            f"container engines: {', '.join(seen.engines)}; ports they publish pass "
            "by ordinary input rules"
        )
    if seen.wrapped and any(
        admits(seen.allow, seen.deny, address) is None
        for address in _addresses(settings, seen)
    ):
        yield "TCP wrappers decide by host names who reaches SSH (/etc/hosts.allow)"
