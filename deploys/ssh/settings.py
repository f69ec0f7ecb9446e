"""Settings of the topic `ssh`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from deploys.accounts.settings import PersonName
from deploys.common.model import Model

_BROKEN: Final = re.compile("cbc|arcfour|sha1|md5|ripemd|umac-64|-96")


def _sound(name: str) -> str:
    """Refuse what is broken: OpenSSH's own client offers most of it no more.

    The proof of a change is made by another client, which still knows some of it.
    """
    if _BROKEN.search(name):
        message = f"{name} is broken, and current SSH clients do not offer it"
        raise ValueError(message)
    return name


Algorithm = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9@.-]{1,63}$", strict=True),
    AfterValidator(_sound),
]
"""An algorithm as `ssh -Q` names it (RFC 4251, section 6), none that is broken."""


class Profile(StrEnum):
    """Which key exchanges are offered."""

    DEFAULT = "default"
    PQ_ONLY = "pq_only"


class Authorities(StrEnum):
    """What becomes of keys that sshd takes from elsewhere than key files."""

    REFUSE = "refuse"
    KEEP = "keep"
    DROP = "drop"


class SshSettings(Model):
    """The SSH server."""

    profile: Profile = Field(
        default=Profile.DEFAULT,
        description="`default`: post-quantum key exchange first, classical ones for "
        "older clients. `pq_only`: nothing but post-quantum key exchange (OpenSSH 9.9 "
        "or newer on the host, and on every client).",
    )
    kex: tuple[Algorithm, ...] = Field(
        default=(),
        description="Key exchanges in order of preference; empty means the profile's.",
    )
    ciphers: tuple[Algorithm, ...] = Field(
        default=(),
        description="Ciphers in order of preference; empty means the profile's.",
    )
    macs: tuple[Algorithm, ...] = Field(
        default=(),
        description="MACs in order of preference; empty means the profile's.",
    )
    max_auth_tries: int = Field(
        default=3,
        ge=2,
        le=6,
        description="Authentication attempts per connection. An agent that offers "
        "more keys than this fails before the right one.",
    )
    max_sessions: int = Field(
        default=4,
        ge=2,
        le=10,
        description="Sessions per connection; Keepgate itself needs two.",
    )
    max_startups: Annotated[
        str, StringConstraints(pattern=r"^[1-9]\d{0,3}:[1-9]\d?:[1-9]\d{0,3}$")
    ] = Field(
        default="10:30:60",
        description="Unauthenticated connections: START:PERCENT:FULL, see "
        "sshd_config(5).",
    )
    login_grace_time: int = Field(
        default=30, ge=15, le=120, description="Seconds to log in."
    )
    client_alive_interval: int = Field(
        default=300,
        ge=15,
        le=900,
        description="Seconds of silence before sshd asks whether the client lives.",
    )
    client_alive_count_max: int = Field(
        default=2,
        ge=1,
        le=10,
        description="Unanswered questions before the connection is closed.",
    )
    forwarding_users: tuple[PersonName, ...] = Field(
        default=(),
        description="Accounts that may forward TCP connections (jump hosts, tunnels); "
        "everybody else may forward nothing.",
    )
    authorities: Authorities = Field(
        default=Authorities.REFUSE,
        description="If sshd trusts a certificate authority or asks a program for keys "
        "(TrustedUserCAKeys, AuthorizedKeysCommand): `refuse` the host, `keep` both "
        "(members of `ssh-users` can then log in that way), or `drop` both.",
    )
    banner: str = Field(
        default="This system is for authorized users only. Access and activity are "
        "monitored and recorded. Unauthorized access is prohibited and will be "
        "reported to law enforcement.",
        min_length=1,
        max_length=1000,
        description="Legal notice shown before login. Name no software in it.",
    )
