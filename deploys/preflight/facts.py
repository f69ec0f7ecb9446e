"""What a host says about itself before anything else is asked."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from deploys.common.batch import BatchFact
from deploys.confirm import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output
    from deploys.common.networks import IPAddress

WRITTEN: Final = ("/", "/etc", "/usr/sbin", "/var/lib", "/run")
"""Folders that have to be writable."""

ENGINES: Final = ("docker", "containerd", "podman", "libvirtd", "k3s", "lxd")
_BOOT_PATIENCE: Final = 60


@dataclass(frozen=True)
class Connection:
    """The SSH connection as the host sees it: where from, and to which port."""

    source: IPAddress
    port: int


@dataclass(frozen=True)
class Armed:
    """A commit that waits for its proof, and the seconds until it is undone."""

    topic: str
    owner: str
    left: int


@dataclass(frozen=True)
class Space:
    """What is free on a file system; *inodes* is None where there is no limit."""

    free: int
    inodes: int | None


@dataclass(frozen=True)
class Host:
    """A host before the run.

    *distribution* and *version* are os-release's ID and VERSION_ID. *state* is what
    `systemctl is-system-running` says, empty where systemd is not PID 1. *time* is
    the host's clock (seconds since 1970). *allow* and *deny* are the texts of
    hosts_access(5), *wrapped* says whether this sshd heeds them. *listeners* are
    the local addresses with a TCP listener on the port we came by.
    """

    login: str
    connection: Connection | None
    distribution: str
    version: str
    pretty: str
    state: str
    failed: tuple[str, ...]
    readonly: tuple[str, ...]
    space: dict[str, Space]
    time: int
    armed: Armed | None
    wrapped: bool
    allow: str
    deny: str
    units: dict[str, bool]
    listeners: tuple[str, ...]
    nologin: tuple[str, ...]
    engines: tuple[str, ...]


class PreflightFact(BatchFact[Host]):
    """Observes what decides whether the host may be touched at all."""

    @override
    def sections(self) -> Mapping[str, str]:
        record = f"{layout.HOST.state}/armed/record"
        return {
            "login": 'printf "%s\\n" "$2"',
            "connection": 'printf "%s\\n" "$1"',
            "release": '. /etc/os-release && printf "%s\\n" "${ID:-}"'
            ' "${VERSION_ID:-}" "${PRETTY_NAME:-}"',
            # A host that is just booting gets a moment to finish.
            "state": "test -d /run/systemd/system || exit 1;"
            " state=$(timeout 10 systemctl is-system-running);"
            " case $state in initializing|starting) state=$(timeout"
            f" {_BOOT_PATIENCE} systemctl is-system-running --wait) ;; esac;"
            ' echo "$state"',
            "failed": "timeout 10 systemctl list-units --failed --plain --no-legend"
            " --no-pager",
            "readonly": f"for place in {' '.join(WRITTEN)}; do"
            ' [ -w "$place" ] || echo "$place"; done',
            "space": "df -B1 --output=target,avail,itotal,iavail -- / /etc /usr /var"
            " /run",
            "time": "date +%s",
            "armed": f"systemctl is-active --quiet {layout.TIMER} && cat {record}"
            " && cut -d. -f1 /proc/uptime",
            "wrapped": "grep -qsF libwrap.so /usr/sbin/sshd"
            " /usr/lib/openssh/sshd-session",
            "allow": "cat /etc/hosts.allow",
            "deny": "cat /etc/hosts.deny",
            "units": "for unit in ssh.service ssh.socket; do"
            ' systemctl is-active --quiet "$unit" && echo "$unit"; done; true',
            "listeners": 'set -- $1; ss -Hltn "sport = :${4:-22}"',
            "nologin": "ls /etc/nologin /run/nologin",
            "engines": f"for engine in {' '.join(ENGINES)}; do"
            ' command -v "$engine" >/dev/null && echo "$engine"; done; true',
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> Host:
        release = (*answers["release"].lines, "", "", "")
        state = answers["state"]
        units = answers["units"].lines
        return Host(
            login=answers["login"].text.strip(),
            connection=_connection(answers["connection"].text),
            distribution=release[0],
            version=release[1],
            pretty=release[2],
            state=state.text.strip() if state.ok else "",
            failed=tuple(line.split()[0] for line in answers["failed"].lines if line),
            readonly=tuple(answers["readonly"].lines),
            space=_space(answers["space"].lines[1:]),
            time=int(answers["time"].text),
            armed=_armed(answers["armed"]),
            wrapped=answers["wrapped"].ok,
            allow=answers["allow"].text,
            deny=answers["deny"].text,
            units={unit: unit in units for unit in ("ssh.service", "ssh.socket")},
            listeners=tuple(line.split()[3] for line in answers["listeners"].lines),
            nologin=tuple(answers["nologin"].lines),
            engines=tuple(answers["engines"].lines),
        )


def _connection(text: str) -> Connection | None:
    """Return the peer of sshd's SSH_CONNECTION; None where there is no SSH."""
    words = text.split()
    try:
        source = ipaddress.ip_address(words[0].partition("%")[0])
        return Connection(source, int(words[3]))
    except (IndexError, ValueError):
        return None


def _space(lines: list[str]) -> dict[str, Space]:
    space: dict[str, Space] = {}
    for line in lines:
        target, free, inodes, free_inodes = line.rsplit(maxsplit=3)
        limited = inodes.isdigit() and int(inodes) > 0
        space[target] = Space(int(free), int(free_inodes) if limited else None)
    return space


def _armed(output: Output) -> Armed | None:
    if not output.ok:
        return None
    *record, uptime = output.lines
    known = {key: value for key, _, value in (line.partition(" ") for line in record)}
    left = int(known.get("deadline", "0")) - int(uptime)
    return Armed(known.get("topic", "?"), known.get("owner", "?"), max(0, left))
