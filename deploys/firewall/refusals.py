"""Why the packet filter of a host is not touched, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.common.changes import Directory, FileState, Foreign, Refusal
from deploys.firewall.places import FOLDER, MARK, RULES, TABLE, UNIT_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.firewall.facts import FirewallHost
    from deploys.settings import Settings

_KINDS: Final = {FOLDER: Directory, RULES: FileState, UNIT_FILE: FileState}


def refusals(settings: Settings, seen: FirewallHost) -> tuple[Refusal, ...]:
    """Return every reason not to touch the host."""
    return (
        *_unable(seen),
        *_paths(seen),
        *_own_table(seen),
        *_others(seen),
        *_ssh(settings, seen),
    )


def _unable(seen: FirewallHost) -> Iterator[Refusal]:
    if seen.complaint:
        yield Refusal(
            "firewall-unsupported",
            f"the kernel cannot filter as needed: {seen.complaint[:300]}",
            "boot a kernel with nf_tables (`modprobe nf_tables nft_fib_inet`); a "
            "container needs its host's leave",
        )


def _paths(seen: FirewallHost) -> Iterator[Refusal]:
    for path, kind in _KINDS.items():
        state = seen.files.get(path)
        if state is not None and not isinstance(state, kind):
            name = state.kind if isinstance(state, Foreign) else "something else"
            yield Refusal(
                "firewall-foreign-path",
                f"{path} is taken by {name}",
                "move it away: Keepgate keeps its own there",
            )


def _own_table(seen: FirewallHost) -> Iterator[Refusal]:
    if seen.live and f'comment "{MARK}"' not in seen.live and not seen.files.get(RULES):
        yield Refusal(
            "firewall-foreign-table",
            f"there is a table `{TABLE}` that is not Keepgate's",
            f"rename it, or `nft delete table {TABLE}` if nobody needs it",
        )


def _others(seen: FirewallHost) -> Iterator[Refusal]:
    if seen.ufw:
        yield Refusal(
            "firewall-ufw",
            "ufw is active, and two firewalls do not go together",
            "put the ports it opens into firewall.tcp and firewall.udp, then "
            "`ufw disable`",
        )
    if seen.firewalld:
        yield Refusal(
            "firewall-firewalld",
            "firewalld is active, and two firewalls do not go together",
            "put the ports it opens into firewall.tcp and firewall.udp, then "
            "`systemctl disable --now firewalld`",
        )
    if seen.ufw or seen.firewalld:
        return  # what follows would be rules of theirs
    if seen.shutting:
        yield Refusal(
            "firewall-legacy",
            f"legacy iptables rules shut the host: `{seen.shutting[0]}`",
            "put the ports they open into firewall.tcp and firewall.udp; then open "
            "and clear them (`iptables-legacy -P INPUT ACCEPT; iptables-legacy -F "
            "INPUT`, likewise ip6tables-legacy) and what loads them at boot",
        )
    for chain in seen.kernel.closed:
        if chain.table != TABLE:
            yield Refusal(
                "firewall-foreign-chain",
                f"chain {chain.chain} of table {chain.table} drops what it does not "
                "admit; what the settings open would stay shut",
                "put the ports it opens into firewall.tcp and firewall.udp, then "
                "take it away where it is loaded (see `nft list table "
                f"{chain.table}`); other tables stay as they are",
            )


def _ssh(settings: Settings, seen: FirewallHost) -> Iterator[Refusal]:
    if not seen.ports:
        yield Refusal(
            "firewall-no-ssh",
            "it cannot be told on which port SSH listens, so it would be shut",
            "see that `sshd -T` and `ss -ltnp` name one",
        )
    if settings.firewall.ssh_networks and not settings.operator.networks:
        yield Refusal(
            "firewall-ssh-networks",
            "firewall.ssh_networks is set, yet without operator.networks SSH is open "
            "to all",
            "name the networks you come from in operator.networks, or take "
            "firewall.ssh_networks out",
        )
