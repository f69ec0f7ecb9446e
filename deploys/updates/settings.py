"""Settings of the topic `updates`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from deploys.common.model import Model

Time = Annotated[
    str,
    StringConstraints(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d$", strict=True),
    Field(title="time of day", json_schema_extra={"examples": ["04:30"]}),
]
"""A time of day on the host's clock, HH:MM."""

Mailbox = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}(?:@[A-Za-z0-9][A-Za-z0-9.-]{0,252})?$",
        strict=True,
    ),
    Field(title="mail address", json_schema_extra={"examples": ["ops@example.org"]}),
]
"""A local account or an address with a domain, plain enough for every mailer."""

Origin = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z]+=[^\s\"\\;,]+(?:,[a-z]+=[^\s\"\\;,]+)*$", strict=True
    ),
    Field(
        title="origin pattern",
        json_schema_extra={"examples": ["origin=Caddy,suite=stable"]},
    ),
]
"""An item of `Unattended-Upgrade::Origins-Pattern`; no blanks."""


class UpdatesSettings(Model):
    """Automatic updates and reboots.

    Security updates and the corrections of point releases are installed every day
    by unattended-upgrades. A run that fails is told in the journal, at the next
    login and, with `mail`, by mail.
    """

    now: bool = Field(
        default=True,
        description="Whether `apply` installs the security updates that are pending, "
        "after fetching package lists that are older than a day.",
    )
    origins: tuple[Origin, ...] = Field(
        default=(),
        description="Further archives that updates are installed from, as patterns "
        "of unattended-upgrades. Those of the release itself are always there.",
    )
    reboot: Time | None = Field(
        default=None,
        description="Time of day (HH:MM, the host's clock) at which the host may "
        "restart if an update asks for it; without one it never restarts by itself.",
    )
    mail: Mailbox | None = Field(
        default=None,
        description="Who gets mail when updates fail. Needs a mailer (`sendmail`) on "
        "the host.",
    )
    remove_kernels: bool = Field(
        default=True, description="Whether kernels that are no longer used are removed."
    )
    remove_dependencies: bool = Field(
        default=False,
        description="Whether packages that were only installed for others are removed "
        "when nothing needs them any more.",
    )
    lock_timeout: int = Field(
        default=300,
        ge=60,
        le=3600,
        description="Seconds that a package job waits for another one.",
    )
