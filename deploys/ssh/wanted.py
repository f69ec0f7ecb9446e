"""The SSH server's configuration as Keepgate wants it, keyword by keyword.

One list is the source of both the drop-in and of what `sshd -T` must say then.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploys.accounts.places import GROUP, KEYS_PATTERN
from deploys.ssh.algorithms import HOST_KEYS
from deploys.ssh.settings import Authorities

if TYPE_CHECKING:
    from deploys.settings import Settings
    from deploys.ssh.algorithms import Suite
    from deploys.ssh.effective import Effective

HOST_KEY: Final = "/etc/ssh/ssh_host_ed25519_key"
ISSUE: Final = "/etc/issue.net"
MIN_RSA_BITS: Final = 3072


@dataclass(frozen=True)
class Keyword:
    """One line of sshd_config; *shown* says whether `sshd -T` prints it alike."""

    name: str
    value: str
    shown: bool = True

    @property
    def effective(self) -> str:
        """The line as `sshd -T` prints it."""
        return f"{self.name.lower()} {self.value}"


@dataclass(frozen=True)
class Group:
    """Keywords that belong together, under a heading for the reader."""

    title: str
    keywords: tuple[Keyword, ...]


_OPTIONAL: Final = frozenset(
    {
        "gssapiauthentication",
        "kerberosauthentication",
        "persourcepenaltyexemptlist",
        "requiredrsasize",
    }
)
"""Keywords that not every sshd has; `sshd -T` prints them wherever it has them."""

FORWARDING: Final = (
    Keyword("DisableForwarding", "no"),
    Keyword("AllowTcpForwarding", "yes"),
)
"""What `ssh.forwarding_users` get instead."""


def _group(title: str, *pairs: tuple[str, object]) -> Group:
    return Group(title, tuple(Keyword(name, str(value)) for name, value in pairs))


def wanted(
    settings: Settings, suite: Suite, now: Effective, release: str
) -> tuple[Group, ...]:
    """Return every keyword that Keepgate sets.

    Optional keywords that the host's sshd lacks (see *now*, today's `sshd -T`) are
    left out: an unknown keyword stops sshd. *release* is `ID VERSION_ID`.
    """
    ssh = settings.ssh
    groups = (
        _group(
            "Who gets in: members of one group, by key, never root.",
            ("PermitRootLogin", "no"),
            ("AllowGroups", GROUP),
            ("AuthenticationMethods", "publickey"),
            ("PubkeyAuthentication", "yes"),
            ("PasswordAuthentication", "no"),
            ("KbdInteractiveAuthentication", "no"),
            ("PermitEmptyPasswords", "no"),
            ("HostbasedAuthentication", "no"),
            ("GSSAPIAuthentication", "no"),
            ("KerberosAuthentication", "no"),
            ("IgnoreRhosts", "yes"),
            # Without PAM a locked password would refuse keys too.
            ("UsePAM", "yes"),
        ),
        _group(
            "Where keys come from: a directory that only root can write.",
            ("AuthorizedKeysFile", KEYS_PATTERN),
            *_authorities(settings),
            ("StrictModes", "yes"),
            ("RequiredRSASize", MIN_RSA_BITS),
        ),
        _group(
            "Limits.",
            ("MaxAuthTries", ssh.max_auth_tries),
            ("MaxSessions", ssh.max_sessions),
            ("MaxStartups", ssh.max_startups),
            ("LoginGraceTime", ssh.login_grace_time),
            ("ClientAliveInterval", ssh.client_alive_interval),
            ("ClientAliveCountMax", ssh.client_alive_count_max),
            ("TCPKeepAlive", "no"),
        ),
        Group("Penalties for addresses that misbehave.", _penalties(settings, now)),
        _group(
            "Nothing but a shell; ssh.forwarding_users are excepted below.",
            ("DisableForwarding", "yes"),
            ("AllowTcpForwarding", "no"),
            ("AllowAgentForwarding", "no"),
            ("AllowStreamLocalForwarding", "no"),
            ("X11Forwarding", "no"),
            ("PermitTunnel", "no"),
            ("GatewayPorts", "no"),
            ("PermitUserEnvironment", "no"),
        ),
        _group(
            "What is told and what is logged.",
            ("LogLevel", "VERBOSE"),
            ("Banner", ISSUE),
            ("PrintLastLog", "yes"),
            ("UseDNS", "no"),
            ("Compression", "no"),
        ),
        Group("Less about the host than it would tell by itself.", _quiet(release)),
        _group(
            "Algorithms.",
            ("HostKey", HOST_KEY),
            ("HostKeyAlgorithms", ",".join(HOST_KEYS)),
            ("KexAlgorithms", ",".join(suite.kex)),
            ("Ciphers", ",".join(suite.ciphers)),
            ("MACs", ",".join(suite.macs)),
        ),
    )
    known = (
        Group(
            group.title,
            tuple(
                keyword
                for keyword in group.keywords
                if keyword.name.lower() not in _OPTIONAL or now.knows(keyword.name)
            ),
        )
        for group in groups
    )
    return tuple(group for group in known if group.keywords)


def _authorities(settings: Settings) -> tuple[tuple[str, str], ...]:
    if settings.ssh.authorities is Authorities.KEEP:
        return ()
    return ("TrustedUserCAKeys", "none"), ("AuthorizedKeysCommand", "none")


def _quiet(release: str) -> tuple[Keyword, ...]:
    # Debian's own keyword; Debian 12's sshd has it without printing it.
    if not release.startswith(("debian ", "ubuntu ")):
        return ()
    return (Keyword("DebianBanner", "no", shown=False),)


def _penalties(settings: Settings, now: Effective) -> tuple[Keyword, ...]:
    if not now.knows("PerSourcePenalties"):  # OpenSSH before 9.8
        return ()
    # sshd -T prints the penalties one by one.
    on = Keyword("PerSourcePenalties", "yes", shown=False)
    if not settings.operator.networks:
        return (on,)
    networks = ",".join(
        spelling
        for network in settings.operator.networks
        for spelling in _both(network)
    )
    return on, Keyword("PerSourcePenaltyExemptList", networks)


def _both(network: str) -> tuple[str, ...]:
    """Return *network*, and for IPv4 its IPv4-mapped IPv6 spelling too.

    Where one socket serves both families (systemd's ssh.socket), sshd keeps its
    penalties by mapped addresses and compares the list with those.
    """
    parsed = ipaddress.ip_network(network, strict=False)
    if isinstance(parsed, ipaddress.IPv6Network):
        return (network,)
    return network, f"::ffff:{parsed.network_address}/{96 + parsed.prefixlen}"


def expected(groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Return the lines that `sshd -T` prints once *groups* are in effect."""
    return tuple(
        keyword.effective
        for group in groups
        for keyword in group.keywords
        if keyword.shown
    )


def expected_for_forwarding(groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Return the same for one of `ssh.forwarding_users`."""
    instead = {keyword.name.lower(): keyword.effective for keyword in FORWARDING}
    return tuple(instead.get(line.split()[0], line) for line in expected(groups))
