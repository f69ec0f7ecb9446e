"""What Keepgate has to know of a host's packet filter, asked in one command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from deploys.common import files
from deploys.common.batch import BatchFact
from deploys.firewall import kernel
from deploys.firewall.places import FOLDER, RULES, TABLE, UNIT, UNIT_FILE
from deploys.ssh import host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output

MANAGED: Final = (FOLDER, RULES, UNIT_FILE)

ENGINES: Final = {
    "docker": ("dockerd", "docker0"),
    "containerd": ("containerd", ""),
    "podman": ("podman", "podman0"),
    "libvirt": ("libvirtd", "virbr0"),
    "k3s": ("k3s", "cni0"),
    "lxd": ("lxd", "lxdbr0"),
    "incus": ("incusd", "incusbr0"),
}
"""What runs containers and virtual machines: its program and its first bridge."""

# In a network namespace of its own: the host's rules are not touched, and the very
# kernel and nft that would carry them say how they understand the file.
LISTING: Final = f"nft -s -t list table {TABLE}"
_EXPECTED: Final = (
    f"test -f {RULES} || exit 1; "
    f"exec unshare --net sh -c 'nft -f {RULES} && exec {LISTING}'"
)
_PROBE: Final = """\
command -v nft >/dev/null || exit 0
exec unshare --net nft -f - 2>&1 <<'PROBE'
table inet keepgate_probe {
  set seen { type ipv4_addr; flags dynamic,timeout; timeout 5m; size 10; }
  chain a {
    type filter hook input priority 0; policy accept;
    ct state established accept
    update @seen { ip saddr limit rate over 1/minute burst 1 packets } drop
  }
  chain b {
    type filter hook prerouting priority -150; policy accept;
    fib daddr type local accept
  }
}
PROBE
"""
_LEGACY: Final = """\
for version in '' 6; do
  [ -s "/proc/net/ip${version}_tables_names" ] || continue
  "ip${version}tables-legacy-save" -t filter || true
done
"""
# Engines write their redirections by iptables, which nft shows only in part.
_REDIRECTED: Final = """\
for version in '' 6; do
  command -v "ip${version}tables-save" >/dev/null || continue
  "ip${version}tables-save" -t nat || true
done
"""
_LISTENING: Final = re.compile(r"^LISTEN\s+\S+\s+\S+\s+\S+:(\d+)\s.*\(\(\"sshd")
_SOCKET: Final = re.compile(r":(\d+) \(Stream\)|^(\d+) \(Stream\)")
_DNAT: Final = re.compile(r"^-A .*-p (\w+) .*--dport (\S+) .*-j (?:DNAT|REDIRECT)\b")
_SHUTS: Final = re.compile(
    r"^:INPUT DROP\b|^-A INPUT(?!.* -[sdipm] ).* -j (?:DROP|REJECT)\b"
)


@dataclass(frozen=True)
class FirewallHost:
    """The packet filter of one host as observed.

    *live* is our table as the kernel holds it, *expected* as it would be after
    loading the file that is there; each is empty where there is none. *ports* are
    those by which SSH is reached. *shutting* are legacy iptables rules that shut
    by default. *complaint* says why the kernel cannot filter as we need it.
    """

    live: str
    expected: str
    kernel: kernel.Kernel
    complaint: str
    ports: tuple[int, ...]
    engines: tuple[str, ...]
    forwards: bool
    ufw: bool
    firewalld: bool
    shutting: tuple[str, ...]
    published: tuple[str, ...]
    enabled: bool
    active: bool
    files: dict[str, files.Observed]


class FirewallFact(BatchFact[FirewallHost]):
    """Observes our table, everybody else's, and where SSH is reached."""

    @override
    def sections(self) -> Mapping[str, str]:
        engines = "; ".join(
            f"command -v {program} >/dev/null || test -e /sys/class/net/{bridge or '-'}"
            f" && echo {name}"
            for name, (program, bridge) in ENGINES.items()
        )
        return {
            "live": LISTING,
            "expected": _EXPECTED,
            "ruleset": "nft -j -t list ruleset",
            "probe": _PROBE,
            "connection": 'printf "%s\\n" "$1"',
            "configured": f"{host.PATH}\n{host.EFFECTIVE}"
            f"effective user=root,{host.CONNECTION} | sed -n 's/^port //p'",
            "listening": "ss -Hltnp",
            "socket": "systemctl is-active --quiet ssh.socket"
            " && systemctl show -P Listen ssh.socket",
            "engines": f"{engines}; true",
            "forwards": "cat /proc/sys/net/ipv4/ip_forward"
            " /proc/sys/net/ipv6/conf/all/forwarding",
            "ufw": "command -v ufw && grep -qsi '^ENABLED=yes' /etc/ufw/ufw.conf",
            "firewalld": "systemctl is-active --quiet firewalld.service",
            "legacy": _LEGACY,
            "redirected": _REDIRECTED,
            "unit": f"systemctl show -p UnitFileState -p ActiveState {UNIT}",
            **files.sections(MANAGED),
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> FirewallHost:
        live, expected = answers["live"], answers["expected"]
        ruleset = kernel.parse(answers["ruleset"].text)
        unit = answers["unit"].lines
        return FirewallHost(
            live=live.text if live.ok else "",
            expected=expected.text if expected.ok else "",
            kernel=ruleset,
            complaint=""
            if answers["probe"].ok
            else answers["probe"].text.strip() or "nft failed without a word",
            ports=_ports(answers),
            engines=tuple(answers["engines"].lines),
            forwards="1" in answers["forwards"].lines,
            ufw=answers["ufw"].ok,
            firewalld=answers["firewalld"].ok,
            shutting=tuple(
                line for line in answers["legacy"].lines if _SHUTS.search(line)
            ),
            published=tuple(dict.fromkeys((*ruleset.published, *_redirected(answers)))),
            enabled="UnitFileState=enabled" in unit,
            active="ActiveState=active" in unit,
            files=files.observed(answers),
        )


def _ports(answers: Mapping[str, Output]) -> tuple[int, ...]:
    """Return every port that SSH has, or will have after a restart of sshd.

    A port too many is one on which nothing but sshd ever listens; one too few
    would shut the operator out.
    """
    found = {int(line) for line in answers["configured"].lines if line.isdigit()}
    for line in answers["listening"].lines:
        if listening := _LISTENING.match(line):
            found.add(int(listening[1]))
    if answers["socket"].ok:
        for line in answers["socket"].lines:
            for socket in _SOCKET.finditer(line):
                found.add(int(socket[1] or socket[2]))
    words = answers["connection"].text.split()
    if words[3:] and words[3].isdigit():
        found.add(int(words[3]))
    return tuple(sorted(found))


def _redirected(answers: Mapping[str, Output]) -> list[str]:
    rules = (_DNAT.match(line) for line in answers["redirected"].lines)
    return [f"{rule[2].replace(':', '-')}/{rule[1]}" for rule in rules if rule]
