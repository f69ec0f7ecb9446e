"""All settings of one host, and the operator they serve."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from deploys.accounts.settings import AccountsSettings, OperatorSettings
from deploys.agent.settings import AgentSettings
from deploys.caddy.settings import CaddySettings, Sites, faults
from deploys.common.model import Model
from deploys.confirm.settings import ConfirmSettings
from deploys.fail2ban.settings import Fail2banSettings
from deploys.firewall.settings import FirewallSettings
from deploys.ssh.settings import SshSettings
from deploys.updates.settings import UpdatesSettings


class Settings(Model):
    """Everything that can be set for a host; each topic has a section."""

    operator: OperatorSettings = Field(
        description="Who must always get in: the account Keepgate works as."
    )
    accounts: AccountsSettings = Field(
        default=AccountsSettings(), description="Further accounts and their keys."
    )
    ssh: SshSettings = Field(default=SshSettings(), description="The SSH server.")
    firewall: FirewallSettings = Field(
        default=FirewallSettings(), description="What the network may reach."
    )
    fail2ban: Fail2banSettings = Field(
        default=Fail2banSettings(), description="Bans of misbehaving addresses."
    )
    updates: UpdatesSettings = Field(
        default=UpdatesSettings(), description="Automatic updates and reboots."
    )
    sites: Sites = Field(
        default=(),
        description="A list of apps that this host serves over TLS, each behind login "
        "unless it says otherwise. Ports 80 and 443 are opened for them.",
    )
    caddy: CaddySettings = Field(
        default=CaddySettings(), description="The web server in front of the sites."
    )
    agent: AgentSettings = Field(
        default=AgentSettings(), description="Login, in front of the guarded sites."
    )
    confirm: ConfirmSettings = Field(
        default=ConfirmSettings(), description="How risky changes are confirmed."
    )

    @model_validator(mode="after")
    def _operator_stands_alone(self) -> Self:
        name = self.operator.name
        for where in ("drop", "users"):
            if name in getattr(self.accounts, where):
                message = (
                    f"the operator `{name}` stands in accounts.{where} too; what "
                    "holds for the operator stands under `operator` alone"
                )
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _sites_can_be_served(self) -> Self:
        for message in faults(self.sites, self.caddy):
            raise ValueError(message)
        return self
