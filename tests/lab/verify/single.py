"""One fault at a time in packet filter and bans, and exactly what must fail by it.

Where a whole topic is absent all its controls fail; these show that each of them sees
its own fault, in a filter that is loaded and a server that runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import Final

RULES: Final = "$rules"
"""In a script: the file that the firewall's unit loads, here a copy to be spoilt."""


@dataclass(frozen=True)
class Single:
    """A change for the worse of one topic, and all of its controls that fail by it."""

    name: str
    topic: str
    controls: frozenset[str]
    script: str


def _filter(name: str, *controls: str, edit: str = "", then: str = "") -> Single:
    """Return a fault made by *edit* (sed) of the rules, loaded, and by *then*."""
    load = f"sed -i '{edit}' {RULES}; nft -f {RULES}" if edit else ""
    script = f"{load}\n{dedent(then)}"
    return Single(name, "firewall", frozenset(controls), script)


def _bans(name: str, *controls: str, script: str) -> Single:
    return Single(name, "fail2ban", frozenset(controls), dedent(script))


def _jail(text: str) -> str:
    """Return a script that lays *text* over the jails and has it read."""
    return (
        f"printf '{text}' >/etc/fail2ban/jail.d/zzz-trial.local\n"
        "fail2ban-client reload >/dev/null\n"
    )


FILTER: Final = (
    _filter(
        "IPv6 is not filtered",
        *("FW-02", "FW-03", "FW-09", "FW-10", "FW-11"),
        then="""\
        nft delete table $table
        nft -f - <<'END'
        table ip theirs {
          chain input {
            type filter hook input priority 0; policy drop;
            ct state established,related accept
            ct state invalid drop
            iifname "lo" accept
            icmp type destination-unreachable accept
            tcp dport 22 accept
          }
          chain forward { type filter hook forward priority 0; policy drop; }
        }
        END
        """,
    ),
    _filter(
        "all of IPv6 is admitted",
        "FW-06",
        then="nft add rule $table services meta nfproto ipv6 accept",
    ),
    _filter(
        "all of TCP is admitted",
        "FW-06",
        then="nft add rule $table services meta l4proto tcp ct state new accept",
    ),
    _filter(
        "what no rule names is admitted",
        *("FW-01", "FW-02", "FW-04", "FW-05", "FW-06", "FW-07", "FW-08"),
        *("FW-09", "FW-10", "FW-11", "FW-12"),
        then='nft "chain $table input { policy accept; }"',
    ),
    _filter(
        "the host forwards",
        "FW-03",
        then='nft "chain $table forward { policy accept; }"',
    ),
    _filter(
        "a port is open",
        "FW-04",
        then="nft add rule $table services tcp dport 81 accept",
    ),
    _filter(
        "a range is open",
        "FW-05",
        then="nft add rule $table services udp dport 6000-6003 accept",
    ),
    _filter("loopback is shut", "FW-07", edit='/iifname "lo" accept/d'),
    _filter("strays pass", "FW-08", edit="/ct state invalid drop/d"),
    _filter("routers are not heard", "FW-09", edit="s/nd-router-advert, //"),
    _filter("large answers stall", "FW-10", edit="s/packet-too-big, //"),
    _filter("IPv6 may knock for ever", "FW-11", edit="/update @ssh_seen6/d"),
    _filter(
        "nothing loads the rules at boot",
        "FW-12",
        then="systemctl --quiet disable keepgate-firewall.service",
    ),
    _filter(
        "the rules are loaded late",
        "FW-12",
        then="""\
        sed 's/network-pre.target//' /etc/systemd/system/keepgate-firewall.service \\
          >/run/systemd/trial
        mv /run/systemd/trial /etc/systemd/system/keepgate-firewall.service
        systemctl daemon-reload
        """,
    ),
)

BANS: Final = (
    _bans(
        "it does not start at boot",
        "BAN-01",
        script="systemctl --quiet disable fail2ban.service",
    ),
    _bans(
        "the jail on SSH is stopped",
        *("BAN-02", "BAN-03", "BAN-04", "BAN-05", "BAN-06", "BAN-08", "BAN-13"),
        "BAN-16",
        script="fail2ban-client stop sshd >/dev/null",
    ),
    _bans(
        "it reads a file",
        "BAN-03",
        script="touch /var/log/auth.log\n"
        + _jail("[sshd]\\nbackend = polling\\nlogpath = /var/log/auth.log\\n"),
    ),
    _bans(
        "many failures are fine",
        "BAN-04",
        script="fail2ban-client set sshd maxretry 50 >/dev/null",
    ),
    _bans(
        "failures are soon forgotten",
        "BAN-04",
        script="fail2ban-client set sshd findtime 30 >/dev/null",
    ),
    _bans(
        "a ban is short",
        "BAN-05",
        script="fail2ban-client set sshd bantime 10 >/dev/null",
    ),
    _bans(
        "every ban is alike",
        "BAN-06",
        script=_jail("[sshd]\\nbantime.increment = false\\n"),
    ),
    _bans(
        "who comes back is soon in again",
        "BAN-07",
        script="fail2ban-client set recidive bantime 3600 >/dev/null",
    ),
    _bans(
        "the host may ban itself",
        "BAN-08",
        script="fail2ban-client set sshd delignoreip ::1 >/dev/null",
    ),
    _bans(
        "the operator may be banned",
        "BAN-09",
        script="fail2ban-client set recidive ignorecommand '' >/dev/null",
    ),
    _bans(
        "everybody is spared",
        "BAN-13",
        script="fail2ban-client set sshd addignoreip 0.0.0.0/0 >/dev/null",
    ),
    _bans(
        "a ban does nothing",
        *("BAN-10", "BAN-16"),
        script=_jail("[recidive]\\naction = dummy\\n"),
    ),
    _bans(
        "a restart forgives",
        "BAN-11",
        script="""\
        cd /etc/fail2ban/fail2ban.d
        printf '[DEFAULT]\\ndbfile = :memory:\\n' >zzz-trial.local
        systemctl restart fail2ban.service
        """,
    ),
    _bans(
        "it stays down",
        "BAN-12",
        script="""\
        printf '[Service]\\nRestart=no\\n' \\
          >/etc/systemd/system/fail2ban.service.d/zzz-trial.conf
        systemctl daemon-reload
        """,
    ),
)

SINGLE: Final = (*FILTER, *BANS)
