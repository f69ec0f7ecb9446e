"""The SSH server's effective configuration, per account and origin.

`sshd -T -C` answers for one connection; a drop-in or a Match block may make
another account or another address worse off, so it is asked for every account
that has a shell and for the addresses of `_ADDRESSES`, then for every criterion
that a Match block names.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Ours, two that nobody owns (RFC 5737, RFC 3849), and the host's own.
_ADDRESSES = '"${client:-192.0.2.1}" 192.0.2.1 2001:db8::1 127.0.0.1'

# Under socket activation /run/sshd may be missing, and sshd then refuses to
# parse: give it one of its own instead of making it on the host.
FUNCTIONS = r"""
effective() {
  if [ -d /run/sshd ]; then sshd -T -C "$1"; else
    unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && sshd -T -C "$1"' \
      sh "$1"; fi 2>&1
}
people() {
  awk -F: '$7 !~ /(nologin|false|sync|shutdown|halt)$/ { print $1 }' /etc/passwd |
    head -n 40
}
"""

SECTIONS = {
    "sshd-effective": (
        FUNCTIONS + "for user in $(people); do for address in "
        f"$(printf '%s\\n' {_ADDRESSES} | sort -u); do "
        'spec="user=$user,host=unknown,addr=$address"; '
        'printf "== %s\\n" "$spec"; effective "$spec"; done; done'
    ),
    "sshd-match": (
        "cat /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf | "
        "grep -iE '^[[:space:]]*match[[:space:]]'; true"
    ),
    "sshd-valid": (
        "if [ -d /run/sshd ]; then sshd -t; else "
        "unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && sshd -t'; "
        "fi 2>&1"
    ),
    "sshd-files": (
        "stat -L -c '%a|%U|%G|%F|%n' -- /etc/ssh /etc/ssh/sshd_config "
        "/etc/ssh/sshd_config.d /etc/ssh/sshd_config.d/*.conf /etc/ssh/ssh_host_*; true"
    ),
    "sshd-changed": (
        "stat -c '%Z %n' -- /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; true"
    ),
    # When the server last read its files: systemd forgets reloads at a daemon-reload.
    "sshd-read": (
        "journalctl -q -o short-unix -u ssh.service -t sshd "
        "| grep -E '(Received SIGHUP|Server listening on)' | tail -n1; true"
    ),
    "sshd-keys": (
        "sshd -T 2>/dev/null | sed -n 's/^hostkey //p' | while read -r file; do "
        'ssh-keygen -lf "$file.pub"; done'
    ),
    "sshd-banner": "cat -- /etc/issue.net",
    "hosts-deny": "grep -vE '^[[:space:]]*(#|$)' /etc/hosts.deny; true",
}


@dataclass(frozen=True)
class Sshd:
    """What sshd would do, per connection that was asked for."""

    answers: dict[str, dict[str, tuple[str, ...]]]
    errors: tuple[str, ...] = ()

    def without(self, users: Iterable[str]) -> Sshd:
        """Return the same without the connections of *users*."""
        left_out = {f"user={user}" for user in users}
        kept = {
            spec: found
            for spec, found in self.answers.items()
            if spec.partition(",")[0] not in left_out
        }
        return Sshd(kept, self.errors)

    def knows(self, keyword: str) -> bool:
        """Whether this sshd has *keyword* at all."""
        return any(self.values(keyword).values())

    def values(self, keyword: str) -> dict[str, tuple[str, ...]]:
        """Return the values of *keyword*, per connection."""
        if self.errors:
            message = f"sshd refuses its configuration: {self.errors[0]}"
            raise AssertionError(message)
        return {spec: found.get(keyword, ()) for spec, found in self.answers.items()}

    @property
    def ports(self) -> set[int]:
        """The ports that the server listens on."""
        return {int(port) for found in self.values("port").values() for port in found}

    def value(self, keyword: str) -> str:
        """Return the value of *keyword* if every connection gets the same.

        Else what differs is told, with the connections that meet it.
        """
        origins: dict[str, list[str]] = defaultdict(list)
        for spec, found in self.values(keyword).items():
            origins[" ".join(found)].append(spec)
        if len(origins) <= 1:
            return next(iter(origins), "")
        return "; ".join(
            f"{value or 'not set'} for {', '.join(_short(spec) for spec in specs[:3])}"
            f"{' and others' if len(specs) > 3 else ''}"
            for value, specs in sorted(origins.items())
        )

    def number(self, keyword: str) -> int:
        """Return the highest number that any connection gets for *keyword*."""
        return max(int(found[0]) for found in self.values(keyword).values() if found)

    def names(self, keyword: str) -> tuple[str, ...]:
        """Return the algorithm or name list of *keyword*, as in `value`."""
        return tuple(re.split(r"[,\s]+", self.value(keyword)))


def _short(spec: str) -> str:
    parts = dict(part.split("=", 1) for part in spec.split(",") if "=" in part)
    return f"{parts.get('user', '?')} from {parts.get('addr', '?')}"


def parse(lines: Iterable[str]) -> Sshd:
    """Return what the section `sshd-effective` answered."""
    answers: dict[str, dict[str, tuple[str, ...]]] = {}
    errors: list[str] = []
    current: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if line.startswith("== "):
            current = answers.setdefault(line[3:], {})
            continue
        keyword, _, value = line.partition(" ")
        if not re.fullmatch(r"[a-z0-9]+", keyword):
            errors.append(line)  # sshd's complaints begin with a file or sentence
            continue
        current[keyword] = (*current.get(keyword, ()), value)
    if any(not found for found in answers.values()) and not errors:
        errors.append("no answer")
    return Sshd(answers, tuple(errors) if errors and not _complete(answers) else ())


def _complete(answers: dict[str, dict[str, tuple[str, ...]]]) -> bool:
    return bool(answers) and all("port" in found for found in answers.values())


def criteria(lines: Iterable[str], users: Iterable[str]) -> list[str]:
    """Return a `-C` text for each address or port that a Match line names.

    Users, groups and `all` need none: every account is asked for already.
    """
    specs: list[str] = []
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        named = {
            words[i].lower(): words[i + 1].split(",")
            for i in range(0, len(words) - 1, 2)
        }
        for user in users:
            specs += [
                f"user={user},host=unknown,addr={address}"
                for pattern in named.get("address", [])
                if (address := _example(pattern))
            ]
            specs += [
                f"user={user},host=unknown,addr=192.0.2.1,laddr={address}"
                for pattern in named.get("localaddress", [])
                if (address := _example(pattern))
            ]
            specs += [
                f"user={user},host=unknown,addr=192.0.2.1,lport={port}"
                for port in named.get("localport", [])
            ]
            specs += [
                f"user={user},host={name.replace('*', 'x')},addr=192.0.2.1"
                for name in named.get("host", [])
            ]
    return list(dict.fromkeys(specs))


def _example(pattern: str) -> str:
    """Return an address that *pattern* (CIDR or wildcards) matches, or ""."""
    try:
        network = ip_network(pattern.lstrip("!"), strict=False)
    except ValueError:
        candidate = pattern.lstrip("!").replace("*", "1").replace("?", "1")
        return candidate if re.fullmatch(r"[0-9a-fA-F.:]+", candidate) else ""
    return str(network.network_address)


def further(specs: Iterable[str]) -> str:
    """Return the sh text that asks sshd about *specs*, answered as `parse` reads."""
    asked = " ".join(shlex.quote(spec) for spec in specs)
    loop = f'for spec in {asked}; do printf "== %s\\n" "$spec"; effective "$spec"; done'
    return FUNCTIONS + loop
