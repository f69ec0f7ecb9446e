"""Settings of the topic `fail2ban`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from deploys.common.model import Model
from deploys.common.networks import Network

DAY: Final = 24 * 3600
WEEK: Final = 7 * DAY


class Mode(StrEnum):
    """What counts as a failure."""

    NORMAL = "normal"
    AGGRESSIVE = "aggressive"


class Fail2banSettings(Model):
    """Bans of addresses that fail to log in.

    A ban shuts an address (IPv6: its /64) out of every port. The operator is never
    banned: not in `operator.networks` or `ignore`, whatever happens there, and not
    at an address from which somebody has logged in lately, see `spare_logins`.
    """

    max_retry: int = Field(
        default=5,
        ge=2,
        le=20,
        description="Failures within `find_time` that lead to a ban.",
    )
    find_time: int = Field(
        default=600, ge=60, le=DAY, description="Seconds for which a failure counts."
    )
    ban_time: int = Field(
        default=3600,
        ge=60,
        le=WEEK,
        description="Seconds that the first ban lasts; every further one lasts longer.",
    )
    max_ban_time: int = Field(
        default=WEEK, ge=60, le=52 * WEEK, description="Seconds that no ban exceeds."
    )
    recidive_retry: int = Field(
        default=3,
        ge=2,
        le=20,
        description="Bans within `recidive_find_time` that lead to the long ban.",
    )
    recidive_find_time: int = Field(
        default=DAY, ge=3600, le=WEEK, description="Seconds for which a ban counts."
    )
    recidive_ban_time: int = Field(
        default=WEEK,
        ge=WEEK,
        le=52 * WEEK,
        description="Seconds that the long ban lasts.",
    )
    login_retry: int = Field(
        default=10,
        ge=2,
        le=1000,
        description="Failures at the login page of the sites, within `find_time`, that "
        "lead to a ban; the agent locks accounts long before. Not used where a site "
        "is `proxied_by` others: a ban would not stop who comes through them.",
    )
    refused_retry: int = Field(
        default=100,
        ge=10,
        le=100_000,
        description="Requests to the sites that are answered with 401, 403 or 429, "
        "within `find_time`, that lead to a ban. A page that somebody may not see can "
        "cost many of them, as does one whose login has ended. Not used where a site "
        "is `proxied_by` others.",
    )
    mode: Mode = Field(
        default=Mode.NORMAL,
        description="`normal`: failed logins count, and who names an account and goes "
        "away, as guessers do where no password is asked for. `aggressive`: all "
        "connections that end before a login count, which bans monitors that only "
        "look whether the port is open.",
    )
    ignore: tuple[Network, ...] = Field(
        default=(),
        description="Networks (CIDR) that are never banned, besides this host's own "
        "addresses and `operator.networks`.",
    )
    spare_logins: int = Field(
        default=24,
        ge=0,
        le=30 * 24,
        description="Hours for which an address is never banned after a successful "
        "login by key from it (IPv6: from its /64), or as long as that session lasts. "
        "It keeps an operator safe who comes from changing addresses and has no "
        "`operator.networks`; an address that never logged in is not spared. 0 spares "
        "nobody.",
    )

    @model_validator(mode="after")
    def _growing(self) -> Self:
        if self.max_ban_time < self.ban_time:
            message = (
                f"max_ban_time ({self.max_ban_time}) is shorter than ban_time "
                f"({self.ban_time})"
            )
            raise ValueError(message)
        return self
