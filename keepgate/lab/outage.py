"""Cutting the way between this machine and a host, and mending it.

Rules drop what comes and goes, as a broken route would: connections hang, and
links stay up at both ends. Each host has a table of its own, so that tests do not
undo one another's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keepgate.lab.run import run

if TYPE_CHECKING:
    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site


def cut(host: LabHost) -> None:
    """Let nothing pass between this machine and *host*; safe to repeat."""
    run("nft", "-f", "-", stdin=_rules(host))


def mend(host: LabHost) -> None:
    """Let everything pass again; it passing already is fine."""
    run("nft", "delete", "table", "inet", _table(host), check=False)


def mend_all(site: Site) -> None:
    """Remove every cut of this lab."""
    for line in run("nft", "list", "tables", check=False).stdout.splitlines():
        name = line.split()[-1]
        if name.startswith(f"keepgate_cut_kg{site.number}_"):
            run("nft", "delete", "table", "inet", name, check=False)


def _table(host: LabHost) -> str:
    return f"keepgate_cut_{host.machine.replace('-', '_')}"


def _rules(host: LabHost) -> str:
    table = _table(host)
    return f"""
add table inet {table}
delete table inet {table}
table inet {table} {{
    chain incoming {{
        type filter hook prerouting priority raw; policy accept;
        ip saddr {host.address4} drop
        ip6 saddr {host.address6} drop
    }}
    chain outgoing {{
        type filter hook postrouting priority srcnat + 50; policy accept;
        ip daddr {host.address4} drop
        ip6 daddr {host.address6} drop
    }}
}}
"""
