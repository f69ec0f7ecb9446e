"""Settings of the topic `agent`; which sites it guards stands under `sites`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from deploys.caddy.fields import Email, HostName
from deploys.common.model import Model


class Source(StrEnum):
    """Who fetches the agent's dependencies from the package index."""

    AUTO = "auto"
    HOST = "host"
    CONTROLLER = "controller"


class SecretFile:
    """Marks a path of a file on the controller that holds a secret.

    An inventory gives its path; what is in it is no setting, and is read only when it
    is compared or pushed.
    """


class MailSettings(Model):
    """The mail server that takes the agent's links and notices.

    The agent itself stays without a network: a proxy of systemd's leads to this server
    and to nothing else. TLS and the certificate are the agent's business.
    """

    host: HostName = Field(description="Name of the server, as its certificate says.")
    port: int = Field(
        default=587,
        ge=1,
        le=65535,
        description="587: STARTTLS; 465: TLS from the beginning. Never in the clear.",
    )
    sender: Email = Field(description="Whom its mails are from.")
    user: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,120}$")] | None = (
        Field(default=None, description="Account at the server, if it asks for one.")
    )
    password_file: Annotated[Path, SecretFile()] | None = Field(
        default=None,
        description="File on this machine (0600) with that account's password. It is "
        "pushed for root alone, and systemd hands it to the agent.",
    )

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            message = "`user` and `password_file` go together; give both, or neither"
            raise ValueError(message)
        return self


class AgentSettings(Model):
    """The agent that asks people who they are; installed once a site is guarded."""

    title: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,60}$")] = (
        Field(default="Sign in", description="What stands at the top of its pages.")
    )
    mail: MailSettings | None = Field(
        default=None,
        description="Who takes its mails; without one administrators hand links over.",
    )
    source: Source = Field(
        default=Source.AUTO,
        description="Who fetches what it depends on from PyPI: `host`, or `controller`,"
        " which pushes it over SSH. `auto`: the host if it reaches PyPI. Hashes are "
        "checked either way.",
    )
