"""The edge where pyinfra's untyped host data becomes typed; read nowhere else."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field

from deploys.common.errors import KeepgateError
from deploys.common.model import Model
from deploys.settings import Settings

if TYPE_CHECKING:
    from pyinfra.api.host import Host

DATA_KEY = "keepgate"
"""The one key of `host.data` that holds a `Target` as JSON text."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_ACCOUNT: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")  # useradd(8)
_MAX_NAME: Final = 253  # RFC 1035 section 2.3.4


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        message = (
            "a name has letters, digits, `.`, `-` and `_`, a letter or digit first"
        )
        raise ValueError(message)
    return value


def _account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        message = "an account has lower-case letters, digits, `_` and `-`, 32 at most"
        raise ValueError(message)
    return value


def _address(value: str) -> str:
    if "@" in value or "/" in value:
        message = "write the bare address; the account is `login`, the port is `port`"
        raise ValueError(message)
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    if value.startswith("[") or value.count(":") == 1:
        message = "write the bare address; the port is `port`"
        raise ValueError(message)
    labels = value.removesuffix(".").split(".")
    # A last label of digits only would be an IPv4 address gone wrong (RFC 3696).
    if labels[-1].isdigit():
        message = "this is no IP address"
        raise ValueError(message)
    if len(value) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        message = "this is neither an IP address nor a host name (RFC 1123)"
        raise ValueError(message)
    return value.lower()


Name = Annotated[str, AfterValidator(_name), Field(title="name")]
Account = Annotated[str, AfterValidator(_account), Field(title="account name")]
Address = Annotated[
    str, AfterValidator(_address), Field(title="host name or IP address")
]


class Target(Model):
    """One host as an inventory describes it: how to reach it, what it shall be."""

    name: Name = Field(description="Name in the inventory.")
    address: Address = Field(
        description="Host name or IP address to connect to; by default the host's name."
    )
    port: int = Field(
        default=22, ge=1, le=65535, description="Port that the SSH server listens on."
    )
    login: Account = Field(
        description="Account that a fresh host admits (say `debian`, `ubuntu`, `root`)."
    )
    key: Path | None = Field(
        default=None, description="Private key file; none means the SSH agent."
    )
    known_hosts: Path = Field(
        description="Trusted host keys; by default `$KEEPGATE_HOME/known_hosts`."
    )
    state: Path = Field(description="Folder for what is remembered of the host.")
    inventory: Path | None = Field(
        default=None, description="File that describes the host, for hints."
    )
    groups: tuple[Name, ...] = Field(
        default=(), description="Groups of the host; a later one wins."
    )
    settings: Settings = Field(description="Resolved settings of the host.")


def target_for(host: Host) -> Target:
    """Return the typed description that the inventory gave to *host*.

    Raises:
        KeepgateError: the inventory is not one of Keepgate's.
    """
    data = host.data.get(DATA_KEY)
    if not isinstance(data, str):
        message = f"{host.name} has no Keepgate settings"
        fix = (
            "name an inventory of Keepgate, say "
            "`pyinfra inventories/demo.py deploys/site.py` "
            "(inventories/vagrant.py instead of @vagrant)"
        )
        raise KeepgateError(message, fix)
    return Target.model_validate_json(data, strict=True)


def settings_for(host: Host) -> Settings:
    """Return the resolved settings of *host*."""
    return target_for(host).settings
