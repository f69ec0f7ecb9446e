"""Settings of the operator and of further accounts."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from deploys.accounts.keys import KeyLine
from deploys.common.model import Model
from deploys.common.networks import Network

AccountName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$", strict=True),
    Field(title="account name"),
]
"""A name as Debian's adduser admits it; useradd(8), CAVEATS."""


def _not_root(name: str) -> str:
    if name == "root":
        message = "root never logs in directly; use an account of its own with sudo"
        raise ValueError(message)
    return name


PersonName = Annotated[AccountName, AfterValidator(_not_root)]
"""An account name other than root, whose direct login is always closed."""


class OperatorSettings(Model):
    """The account that must always get in."""

    name: PersonName = Field(
        description="Account name of the operator; created if the host lacks it. "
        "Never `root`: the operator logs in by name and works with sudo."
    )
    keys: tuple[KeyLine, ...] = Field(
        min_length=1,
        description="Public keys: OpenSSH lines, or paths of `.pub` files.",
    )
    networks: tuple[Network, ...] = Field(
        default=(),
        description="Networks (CIDR) the operator comes from; empty means any.",
    )


class UserSettings(Model):
    """A further account that may log in."""

    keys: tuple[KeyLine, ...] = Field(
        min_length=1,
        description="Public keys: OpenSSH lines, or paths of `.pub` files.",
    )
    sudo: bool = Field(
        default=False, description="Whether the account may do everything as root."
    )


class AccountsSettings(Model):
    """Accounts beside the operator.

    Every account that can log in today must be the operator, stand in `users` or
    `adopt`, or be named in `drop`; otherwise the host is not touched.
    """

    users: dict[PersonName, UserSettings] = Field(
        default={},
        description="Accounts with declared keys; created if the host lacks them.",
    )
    adopt: tuple[PersonName, ...] = Field(
        default=(),
        description="Accounts of the host that stay, with the keys they have now.",
    )
    drop: tuple[AccountName, ...] = Field(
        default=(),
        description="Accounts that can log in today and shall no longer. They are "
        "not deleted, but lose their rights to sudo. `root` need only stand here if "
        "its keys belong to nobody else.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in self.drop:
            if name in self.users or name in self.adopt:
                message = f"account {name!r} is both kept and dropped"
                raise ValueError(message)
        for name in self.adopt:
            if name in self.users:
                message = (
                    f"account {name!r} stands in `adopt` and in `users`: keep its "
                    "keys of today or declare them, not both"
                )
                raise ValueError(message)
        return self
