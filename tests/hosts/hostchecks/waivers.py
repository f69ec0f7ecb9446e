"""Where the hardened host deviates from a list on purpose, and why.

A deviation is no silence: the report shows it beside the controls.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Waiver:
    """An item of a reference list that is not met, with the reason."""

    item: str
    asks: str
    we: str
    reason: str


WAIVERS = (
    Waiver(
        "dev-sec sshd-09",
        "ListenAddress set",
        "all addresses",
        "An address written into the file takes SSH away from the other address "
        "family, or from the host when its address changes.",
    ),
    Waiver(
        "dev-sec sshd-19",
        "MaxAuthTries 2",
        "3",
        "An agent with a few keys is refused before the right one at 2; Lynis "
        "gives full marks up to 3.",
    ),
    Waiver(
        "dev-sec sshd-20",
        "MaxSessions 10",
        "4",
        "Stricter than the list.",
    ),
    Waiver(
        "dev-sec sshd-37",
        "ClientAliveCountMax 3",
        "2",
        "Stricter than the list.",
    ),
    Waiver(
        "dev-sec sshd-45",
        "PrintLastLog no",
        "yes",
        "The last login shown at every login is how a person notices a foreign one.",
    ),
    Waiver(
        "dev-sec sshd-46",
        "no Banner",
        "legal notice",
        "CIS and Lynis ask for a notice before login; it names no software.",
    ),
    Waiver(
        "dev-sec sshd-14",
        "several host keys",
        "ed25519 only",
        "Every current client speaks it; ECDSA host keys fail ssh-audit.",
    ),
    Waiver(
        "Lynis SSH-7408 (Port)",
        "a port other than 22",
        "the port as it is",
        "A moved port hides nothing from a scan and locks out who does not know it.",
    ),
    Waiver(
        "Lynis SSH-7408 (MaxSessions)",
        "MaxSessions 2",
        "4",
        "Multiplexed connections of deploy tools need more than two.",
    ),
    Waiver(
        "CIS Debian 12 5.1.1, dev-sec sshd-05",
        "sshd_config readable by root only",
        "as packaged: everybody may read it, only root may change it",
        "It holds no secret, and the distribution's file stays as it is: every "
        "setting of ours stands in a file of its own.",
    ),
    Waiver(
        "CIS Debian 12 5.2.3",
        "a log file of sudo's own",
        "the journal",
        "The journal records every command of sudo already, with the account and "
        "the time; a second copy beside it proves nothing more.",
    ),
    Waiver(
        "CIS Debian 12 5.2.4",
        "a password for sudo",
        "NOPASSWD for the operator",
        "Accounts here have no password to ask for: the key is the proof, and "
        "Keepgate's own proof of access is a login with `sudo -n`.",
    ),
    Waiver(
        "CIS Debian 12 4.3.9",
        "nftables.service enabled",
        "a unit of its own",
        "Stopping nftables.service flushes every table, fail2ban's and the "
        "container engines' too.",
    ),
    Waiver(
        "Lynis FIRE-4513",
        "no unused rules",
        "all rules stay",
        "A rule without a hit yet is one for traffic that has not come yet.",
    ),
)
